using Mesh.Interop.OpenSsl;
using Mesh.Testing.Certificates;

namespace Mesh.Interop.Tests.OpenSsl;

/// <summary>A small mesh: one root, a client and a server. Made once for a test class.</summary>
public sealed class MeshCertificates : IDisposable
{
    internal const string ClientId = "spiffe://cluster.local/ns/shop/sa/client";
    internal const string ServerId = "spiffe://cluster.local/ns/shop/sa/server";

    public TestCa Root { get; } = TestCa.CreateRoot();

    public TestCertificate Client => field ??= Root.Issue(ClientId);

    public TestCertificate Server => field ??= Root.Issue(ServerId);

    public void Dispose() => Root.Dispose();

    internal TlsContextOptions ServerOptions(TestCertificate? certificate = null, string? roots = null, string? lists = null) => new()
    {
        IsServer = true,
        CertificateChainPem = (certificate ?? Server).ChainPem,
        PrivateKeyPkcs8 = (certificate ?? Server).PrivateKeyPkcs8,
        TrustedRootsPem = roots ?? Root.CertificatePem,
        RevocationListsPem = lists,
        TrustDomains = ["cluster.local"],
    };

    internal TlsContextOptions ClientOptions(TestCertificate? certificate = null, string? roots = null, string? lists = null) => new()
    {
        IsServer = false,
        CertificateChainPem = (certificate ?? Client).ChainPem,
        PrivateKeyPkcs8 = (certificate ?? Client).PrivateKeyPkcs8,
        TrustedRootsPem = roots ?? Root.CertificatePem,
        RevocationListsPem = lists,
        TrustDomains = ["cluster.local"],
    };
}
