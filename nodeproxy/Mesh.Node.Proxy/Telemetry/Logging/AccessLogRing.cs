namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>Carries the connections to log from one loop to the writer. Bounded: what does not fit is dropped and counted.</summary>
/// <remarks>Written by: its loop. Read by: the writer thread. Neither ever waits for the other.</remarks>
internal sealed class AccessLogRing
{
    private readonly Entry[] _entries;
    private readonly int _mask;

    // Each index is written by one side only, and they stand on cache lines of their own.
    private PaddedIndex _head;
    private PaddedIndex _tail;
    private long _dropped;

    /// <summary>Makes a ring.</summary>
    /// <param name="capacity">Entries; a power of two.</param>
    public AccessLogRing(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(int.PopCount(capacity), 1, nameof(capacity));
        _entries = new Entry[capacity];
        _mask = capacity - 1;
    }

    /// <summary>Connections that were not logged because the writer was too far behind. Read by any thread.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Whether nothing waits. The writer's view.</summary>
    public bool IsEmpty => _head.Value == Volatile.Read(ref _tail.Value);

    /// <summary>Hands a connection over, or drops it. Loop thread.</summary>
    public void Enqueue(ConnectionRecord record, AccessEvent what)
    {
        long tail = _tail.Value;
        if (tail - Volatile.Read(ref _head.Value) == _entries.Length)
        {
            Volatile.Write(ref _dropped, _dropped + 1);
            return;
        }

        _entries[tail & _mask] = new Entry(record, what);
        Volatile.Write(ref _tail.Value, tail + 1);
    }

    /// <summary>Takes the oldest. Writer thread.</summary>
    public bool TryDequeue(out Entry entry)
    {
        long head = _head.Value;
        if (head == Volatile.Read(ref _tail.Value))
        {
            entry = default;
            return false;
        }

        entry = _entries[head & _mask];
        _entries[head & _mask] = default;
        Volatile.Write(ref _head.Value, head + 1);
        return true;
    }

    /// <summary>A connection and what to say of it.</summary>
    internal readonly record struct Entry(ConnectionRecord Record, AccessEvent Event);
}
