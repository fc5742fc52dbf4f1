namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>A counter that any thread may add to. For what is rare; loops use <see cref="ShardedCounter"/>.</summary>
public sealed class Counter
{
    private long _value;

    /// <summary>The count so far.</summary>
    public long Value => Volatile.Read(ref _value);

    /// <summary>Adds <paramref name="amount"/>, 0 or more. Any thread.</summary>
    public void Add(long amount = 1) => Interlocked.Add(ref _value, amount);
}
