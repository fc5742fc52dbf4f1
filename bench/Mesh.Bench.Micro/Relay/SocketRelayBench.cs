using BenchmarkDotNet.Attributes;

namespace Mesh.Bench.Micro.Relay;

/// <summary>A chunk through a relay between two sockets, copied or spliced where it is large enough. Budget: 0 B per chunk.</summary>
/// <remarks>
/// Both applications run on one thread, so a chunk costs two wake-ups beside what the relay does: compare the ways, not the sums.
/// </remarks>
[Config(typeof(StableAllocationConfig))]
public class SocketRelayBench
{
    // Many, because what each thread takes from the heap at once, used or not, must not look like a cost of a chunk.
    private const int ChunksPerRun = 20_000;

    private RelayedSockets _ends = null!;
    private RelayHop _hop = null!;
    private byte[] _chunk = null!;

    [Params(200, 4_096, 65_536)]
    public int ChunkBytes { get; set; }

    [Params(false, true)]
    public bool MaySplice { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _chunk = new byte[ChunkBytes];
        _ends = new RelayedSockets();
        _hop = new RelayHop(MaySplice ? 64 : 0, _ends.Origin);
        _ends.Connect(_hop.Front);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _ends.Dispose();
        _hop.Dispose();
    }

    [Benchmark(OperationsPerInvoke = ChunksPerRun)]
    public long Carry() => _ends.Carry(_chunk, ChunksPerRun);
}
