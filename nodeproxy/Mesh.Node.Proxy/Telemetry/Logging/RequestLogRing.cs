using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>Carries the requests to log from one loop to the writer. Bounded: what does not fit is dropped and counted.</summary>
/// <remarks>
/// Its records are made at start and copied into, because the one a request was counted in serves the next request at once. Written by:
/// its loop. Read by: the writer thread. Neither ever waits for the other.
/// </remarks>
internal sealed class RequestLogRing
{
    private readonly RequestRecord[] _records;
    private readonly int _mask;

    // Each index is written by one side only, and they stand on cache lines of their own.
    private PaddedIndex _head;
    private PaddedIndex _tail;
    private long _dropped;

    /// <summary>Makes a ring.</summary>
    /// <param name="capacity">Requests; a power of two.</param>
    public RequestLogRing(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(int.PopCount(capacity), 1, nameof(capacity));
        _records = new RequestRecord[capacity];
        _mask = capacity - 1;
        for (int index = 0; index < capacity; index++)
        {
            _records[index] = new RequestRecord();
            _records[index].ReserveTexts();
        }
    }

    /// <summary>Requests that were not logged because the writer was too far behind. Read by any thread.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Whether nothing waits. The writer's view.</summary>
    public bool IsEmpty => _head.Value == Volatile.Read(ref _tail.Value);

    /// <summary>Hands a copy of a request over, or drops it. Loop thread.</summary>
    public void Enqueue(RequestRecord record)
    {
        long tail = _tail.Value;
        if (tail - Volatile.Read(ref _head.Value) == _records.Length)
        {
            Volatile.Write(ref _dropped, _dropped + 1);
            return;
        }

        _records[tail & _mask].CopyFrom(record);
        Volatile.Write(ref _tail.Value, tail + 1);
    }

    /// <summary>The oldest, until <see cref="Advance"/>; null when nothing waits. Writer thread.</summary>
    public RequestRecord? Peek() => IsEmpty ? null : _records[_head.Value & _mask];

    /// <summary>Goes on after the oldest, which the loop may then write over. Writer thread.</summary>
    public void Advance()
    {
        long head = _head.Value;
        _records[head & _mask].Release();
        Volatile.Write(ref _head.Value, head + 1);
    }
}
