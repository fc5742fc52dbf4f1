using Mesh.Interop.OpenSsl;
using Mesh.Testing.Certificates;
using Mesh.Testing.Tls;

namespace Mesh.Bench.Micro.Tls;

/// <summary>Two identities of one mesh, and sessions between them on a wire in memory.</summary>
internal sealed class BenchMesh : IPeerVerifier, IDisposable
{
    private readonly TlsTrust _trust;

    public BenchMesh()
    {
        using TestCa root = TestCa.CreateRoot();
        _trust = TlsTrust.Create(root.CertificatePem);
        Client = CreateContext(isServer: false, root.Issue("spiffe://cluster.local/ns/bench/sa/client"));
        Server = CreateContext(isServer: true, root.Issue("spiffe://cluster.local/ns/bench/sa/server"));
    }

    public TlsContext Client { get; }

    public TlsContext Server { get; }

    public (TlsSession Client, TlsSession Server) Connect(MemoryTlsLink link)
    {
        TlsSession client = new(Client, link.Client, this);
        TlsSession server = new(Server, link.Server, this);
        client.Handshake();
        server.Handshake();
        if (client.Handshake() != TlsStatus.Done || server.Handshake() != TlsStatus.Done)
        {
            throw new InvalidOperationException($"The handshake failed: {client.Failure} {server.Failure}");
        }

        return (client, server);
    }

    public bool Accept(in PeerCertificateFacts facts, out string? reason)
    {
        reason = null;
        return true;
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
        _trust.Dispose();
    }

    private TlsContext CreateContext(bool isServer, TestCertificate certificate) => TlsContext.Create(new TlsContextOptions
    {
        IsServer = isServer,
        CertificateChainPem = certificate.ChainPem,
        PrivateKeyPkcs8 = certificate.PrivateKeyPkcs8,
        Trust = _trust,
        TrustDomains = ["cluster.local"],
    });
}
