namespace Mesh.Interop.OpenSsl;

/// <summary>
/// What a <see cref="TlsContext"/> is made of. What is not here is fixed: TLS 1.3 only, no tickets, no resumption, no 0-RTT, no
/// renegotiation, no certificate compression, no key log.
/// </summary>
public sealed class TlsContextOptions
{
    /// <summary>Accepts sessions when true, opens them when false.</summary>
    public required bool IsServer { get; init; }

    /// <summary>Our certificate, then its intermediates in order. Sent as given; the root has no place in it.</summary>
    public required string CertificateChainPem { get; init; }

    /// <summary>
    /// The private key of our certificate, unencrypted PKCS#8 in DER. Read during the call; the caller may wipe it afterwards.
    /// </summary>
    public required byte[] PrivateKeyPkcs8 { get; init; }

    /// <summary>The roots peers are verified against. Either this or <see cref="Trust"/>, never both.</summary>
    public string? TrustedRootsPem { get; init; }

    /// <summary>Revocation lists to go with <see cref="TrustedRootsPem"/>.</summary>
    public string? RevocationListsPem { get; init; }

    /// <summary>A trust set shared with other contexts, which saves reading and holding it once for every identity.</summary>
    public TlsTrust? Trust { get; init; }

    /// <summary>
    /// The trust domains peers may come from, compared exactly. Empty leaves the question to the session's <see cref="IPeerVerifier"/>.
    /// </summary>
    public IReadOnlyList<string> TrustDomains { get; init; } = [];

    /// <summary>Application protocols, the preferred first. A peer that shares none of them is refused; empty asks for none.</summary>
    public IReadOnlyList<string> Alpn { get; init; } = ["h2"];

    /// <summary>Suites in order of preference, separated by colons. AES-128 first: it is strong enough and costs least.</summary>
    public string Ciphersuites { get; init; } = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";

    /// <summary>Key-exchange groups in order of preference, separated by colons; <see langword="null"/> for the library's own.</summary>
    public string? Groups { get; init; }

    /// <summary>
    /// Whether a client must present a certificate. One it does present is verified either way. A server must always present one, so
    /// this may be false for servers only.
    /// </summary>
    public bool RequirePeerCertificate { get; init; } = true;
}
