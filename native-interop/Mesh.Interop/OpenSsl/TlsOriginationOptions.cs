namespace Mesh.Interop.OpenSsl;

/// <summary>
/// What a <see cref="TlsContext"/> for sessions with servers outside the mesh is made of. What is not here is fixed: TLS 1.2 and 1.3 with
/// forward secrecy and authenticated encryption, no tickets, no resumption, no 0-RTT, no renegotiation, no compression, no key log.
/// </summary>
public sealed class TlsOriginationOptions
{
    /// <summary>What servers are verified against; null to verify nothing at all.</summary>
    public required TlsTrust? Trust { get; init; }

    /// <summary>Our certificate and its intermediates, for servers that ask; null for none.</summary>
    public string? CertificateChainPem { get; init; }

    /// <summary>Its private key, unencrypted PKCS#8 in DER; null for none. Read during the call.</summary>
    public byte[]? PrivateKeyPkcs8 { get; init; }

    /// <summary>Application protocols, the preferred first; empty asks for none.</summary>
    public IReadOnlyList<string> Alpn { get; init; } = [];

    /// <summary>A server that chooses none of them is refused.</summary>
    public bool RequiresProtocol { get; init; }
}
