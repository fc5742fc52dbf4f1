using BenchmarkDotNet.Attributes;
using Mesh.Bench.Micro.Tls;

namespace Mesh.Bench.Micro.Relay;

/// <summary>A chunk through two relays that speak mutual TLS to each other, each on a loop of its own. Budget: 0 B per chunk.</summary>
[Config(typeof(StableAllocationConfig))]
public class TlsRelayBench
{
    // Many, because what each thread takes from the heap at once, used or not, must not look like a cost of a chunk.
    private const int ChunksPerRun = 20_000;

    private BenchMesh _mesh = null!;
    private RelayedSockets _ends = null!;
    private RelayHop _far = null!;
    private RelayHop _near = null!;
    private byte[] _chunk = null!;

    [Params(200, 16_384)]
    public int ChunkBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _chunk = new byte[ChunkBytes];
        _mesh = new BenchMesh();
        _ends = new RelayedSockets();
        _far = new RelayHop(pipesMax: 0, _ends.Origin, accepting: _mesh.Server);
        _near = new RelayHop(pipesMax: 0, _far.Front, connecting: _mesh.Client);
        _ends.Connect(_near.Front);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _ends.Dispose();
        _near.Dispose();
        _far.Dispose();
        _mesh.Dispose();
    }

    [Benchmark(OperationsPerInvoke = ChunksPerRun)]
    public long Carry() => _ends.Carry(_chunk, ChunksPerRun);
}
