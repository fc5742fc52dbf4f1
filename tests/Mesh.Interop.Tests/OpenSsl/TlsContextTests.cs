using System.Security.Cryptography;
using Mesh.Interop.OpenSsl;
using Xunit;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>
/// Goal: a configuration that cannot work is refused when it is read, by a message that names the part and never shows the key. Method:
/// one good set of options with one thing wrong at a time.
/// </summary>
public sealed class TlsContextTests(MeshCertificates mesh) : IClassFixture<MeshCertificates>
{
    [Fact]
    public void The_good_set_is_good()
    {
        using var context = TlsContext.Create(Options());
    }

    [Fact]
    public void A_shared_trust_set_serves_many_contexts_and_outlives_none_it_was_given_to()
    {
        TlsTrust trust = TlsTrust.Create(mesh.Root.CertificatePem);
        TlsContextOptions server = Options(roots: null, trust: trust);
        TlsContextOptions client = Options(isServer: false, roots: null, trust: trust);
        using TlsPair pair = new(client, server);
        trust.Dispose();

        Assert.Equal((TlsStatus.Done, TlsStatus.Done), pair.Handshake());
    }

    [Fact]
    public void A_session_outlives_its_context()
    {
        var clientContext = TlsContext.Create(mesh.ClientOptions());
        var serverContext = TlsContext.Create(mesh.ServerOptions());
        Mesh.Testing.Tls.MemoryTlsLink link = new();
        using TlsSession client = new(clientContext, link.Client, new Verifier());
        using TlsSession server = new(serverContext, link.Server, new Verifier());
        clientContext.Dispose();
        serverContext.Dispose();

        client.Handshake();
        server.Handshake();

        Assert.Equal(TlsStatus.Done, client.Handshake());
        Assert.Equal(TlsStatus.Done, server.Handshake());
    }

    [Fact]
    public void Explanatory_text_around_certificates_is_ignored()
    {
        using var context = TlsContext.Create(Options(
            chain: "subject=somebody\n" + mesh.Server.ChainPem + "\nthe end\n", roots: "# our root\n" + mesh.Root.CertificatePem));
    }

    [Theory]
    [InlineData("chain: empty", "the certificate chain: no certificate")]
    [InlineData("chain: a key in it", "the certificate chain: block 2 is a PRIVATE KEY")]
    [InlineData("chain: cut off", "the certificate chain: block 1 is not well-formed")]
    [InlineData("chain: not a certificate", "the certificate chain: certificate 2 cannot be read")]
    [InlineData("chain: stray bytes", "the certificate chain: certificate 1 is followed by 3 stray bytes")]
    [InlineData("chain: too many", "the certificate chain: more than 8 blocks")]
    [InlineData("key: another's", "does not belong to the first certificate")]
    [InlineData("key: garbage", "not an unencrypted PKCS#8 key")]
    [InlineData("key: encrypted", "not an unencrypted PKCS#8 key")]
    [InlineData("key: stray bytes", "not an unencrypted PKCS#8 key")]
    [InlineData("roots: missing", "trusted roots are missing")]
    [InlineData("roots: empty", "the trusted roots: no certificate")]
    [InlineData("roots: a leaf", "the trusted roots: certificate 2 is not a certificate authority")]
    [InlineData("roots: twice", "given twice")]
    [InlineData("lists: not a list", "the revocation lists: block 1 is a CERTIFICATE, not a X509 CRL")]
    [InlineData("lists: garbage", "the revocation lists: list 1 cannot be read")]
    [InlineData("suites: unknown", "the suites TLS_NONE_SUCH")]
    [InlineData("groups: unknown", "the groups no-such-group")]
    [InlineData("alpn: empty name", "application protocols")]
    [InlineData("domains: empty name", "trust domain is empty")]
    [InlineData("client: optional server certificate", "A client always requires")]
    public void A_message_names_the_part_that_is_wrong(string what, string message)
    {
        TlsContextOptions options = Broken(what);

        TlsConfigurationException thrown = Assert.Throws<TlsConfigurationException>(() => TlsContext.Create(options).Dispose());

        Assert.Contains(message, thrown.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Convert.ToBase64String(mesh.Server.PrivateKeyPkcs8)[..40], thrown.ToString(), StringComparison.Ordinal);
    }

    private TlsContextOptions Broken(string what)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        PbeParameters encryption = new(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1000);
        string notACertificate = PemEncoding.WriteString("CERTIFICATE", [0x30, 0x03, 0x02, 0x01, 0x00]);
        return what switch
        {
            "chain: empty" => Options(chain: ""),
            "chain: a key in it" => Options(chain: mesh.Server.ChainPem + mesh.Server.PrivateKeyPem),
            "chain: cut off" => Options(chain: mesh.Server.ChainPem[..^60]),
            "chain: not a certificate" => Options(chain: mesh.Server.ChainPem + notACertificate),
            "chain: stray bytes" => Options(chain: PemEncoding.WriteString("CERTIFICATE", [.. mesh.Server.Der, 1, 2, 3])),
            "chain: too many" => Options(chain: string.Concat(Enumerable.Repeat(mesh.Server.ChainPem, 9))),
            "key: another's" => Options(key: mesh.Client.PrivateKeyPkcs8),
            "key: garbage" => Options(key: [1, 2, 3]),
            "key: encrypted" => Options(key: key.ExportEncryptedPkcs8PrivateKey("secret", encryption)),
            "key: stray bytes" => Options(key: [.. mesh.Server.PrivateKeyPkcs8, 0]),
            "roots: missing" => Options(roots: null),
            "roots: empty" => Options(roots: ""),
            "roots: a leaf" => Options(roots: mesh.Root.CertificatePem + "\n" + mesh.Server.ChainPem),
            "roots: twice" => Options(trust: TlsTrust.Create(mesh.Root.CertificatePem)),
            "lists: not a list" => Options(lists: mesh.Root.CertificatePem),
            "lists: garbage" => Options(lists: PemEncoding.WriteString("X509 CRL", [0x30, 0x03, 0x02, 0x01, 0x00])),
            "suites: unknown" => Options(suites: "TLS_NONE_SUCH"),
            "groups: unknown" => Options(groups: "no-such-group"),
            "alpn: empty name" => Options(alpn: ["h2", ""]),
            "domains: empty name" => Options(trustDomains: ["cluster.local", ""]),
            "client: optional server certificate" => Options(isServer: false, requirePeerCertificate: false),
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, "unknown case"),
        };
    }

    private TlsContextOptions Options(
        bool isServer = true,
        string? chain = null,
        byte[]? key = null,
        string? roots = "the mesh's",
        TlsTrust? trust = null,
        string? lists = null,
        string suites = "TLS_AES_128_GCM_SHA256",
        string? groups = null,
        string[]? alpn = null,
        string[]? trustDomains = null,
        bool requirePeerCertificate = true) => new()
        {
            IsServer = isServer,
            CertificateChainPem = chain ?? mesh.Server.ChainPem,
            PrivateKeyPkcs8 = key ?? mesh.Server.PrivateKeyPkcs8,
            TrustedRootsPem = roots == "the mesh's" ? mesh.Root.CertificatePem : roots,
            Trust = trust,
            RevocationListsPem = lists,
            Ciphersuites = suites,
            Groups = groups,
            Alpn = alpn ?? ["h2"],
            TrustDomains = trustDomains ?? [],
            RequirePeerCertificate = requirePeerCertificate,
        };
}
