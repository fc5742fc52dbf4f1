using BenchmarkDotNet.Attributes;
using Mesh.Interop.OpenSsl;
using Mesh.Testing.Tls;

namespace Mesh.Bench.Micro.Tls;

/// <summary>
/// A whole mutual handshake with P-256 certificates, both ends, and the release of both sessions. Budget: the two sessions, their handles
/// and what the verification says of each peer; nothing that grows with use.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class HandshakeBench
{
    private readonly MemoryTlsLink _link = new();
    private BenchMesh _mesh = null!;

    [GlobalSetup]
    public void Setup() => _mesh = new BenchMesh();

    [GlobalCleanup]
    public void Cleanup() => _mesh.Dispose();

    [Benchmark]
    public bool ConnectAndRelease()
    {
        (TlsSession client, TlsSession server) = _mesh.Connect(_link);
        bool done = client.IsHandshakeDone && server.IsHandshakeDone;
        client.Dispose();
        server.Dispose();
        return done;
    }
}
