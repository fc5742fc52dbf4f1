namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>A counter that each loop adds to without an atomic instruction or a shared cache line.</summary>
/// <remarks>Written by: each shard by its own loop thread only. Read by: any thread.</remarks>
public sealed class ShardedCounter
{
    /// <summary>Longs between two shards: 128 bytes, because processors fetch cache lines in pairs.</summary>
    private const int Stride = 16;

    private readonly long[] _values;

    internal ShardedCounter(int shards) => _values = new long[(shards + 1) * Stride];

    /// <summary>The sum over all loops.</summary>
    public long Value
    {
        get
        {
            long sum = 0;
            for (int index = Stride; index < _values.Length; index += Stride)
            {
                sum += Volatile.Read(ref _values[index]);
            }

            return sum;
        }
    }

    /// <summary>Adds to the shard of the calling loop.</summary>
    /// <param name="loopIndex">The loop whose thread this is.</param>
    /// <param name="amount">0 or more.</param>
    public void Add(int loopIndex, long amount = 1)
    {
        // The first stride stays empty: it shares its line with the array's header.
        ref long value = ref _values[(loopIndex + 1) * Stride];
        Volatile.Write(ref value, value + amount);
    }
}
