using System.Diagnostics;

namespace Mesh.Node.Proxy.Telemetry;

/// <summary>Sees every connection of one loop: registers it, counts it, and hands it to the log when it ends.</summary>
/// <remarks>
/// The order is <see cref="Opened"/> at accept, before anything is decided; <see cref="PartiesKnown"/> when source and destination are
/// known and still before policy and connect; <see cref="Closed"/> once, always. A connection that ends earlier skips the middle one.
/// Owned by: one loop; every method runs on its thread. Allocates nothing.
/// </remarks>
public sealed class ConnectionTelemetry
{
    private readonly int _loopIndex;
    private readonly int _loopCount;
    private readonly long[] _opened = new long[ConnectionPaths.Count];
    private readonly long[] _identified = new long[ConnectionPaths.Count];
    private readonly long[] _closed = new long[CloseReasons.Count];
    private long _sequence;

    internal ConnectionTelemetry(int loopIndex, int loopCount)
    {
        _loopIndex = loopIndex;
        _loopCount = loopCount;
    }

    /// <summary>The connections that are open on this loop. Read by any thread.</summary>
    public OpenConnections Open { get; } = new();

    /// <summary>A connection was accepted: from here on it is counted and can be seen.</summary>
    public void Opened(ConnectionRecord record)
    {
        Debug.Assert(record.Id == 0, "A connection is opened once.");
        record.Id = (++_sequence * _loopCount) + _loopIndex;
        _opened[(int)record.Path]++;
        Open.Add(record);
    }

    /// <summary>Source, destination, service and protection are known: istio's series count the connection as opened.</summary>
    public void PartiesKnown(ConnectionRecord record)
    {
        Debug.Assert(record.Slot >= 0, "A connection is open when its parties become known.");
        _identified[(int)record.Path]++;
    }

    /// <summary>The connection has ended for <see cref="ConnectionRecord.Reason"/>, which must be set.</summary>
    /// <param name="record">The connection; it is not written after this.</param>
    /// <param name="nowMs">The loop's clock.</param>
    public void Closed(ConnectionRecord record, long nowMs)
    {
        Debug.Assert(record.Reason != CloseReason.None, "A connection ends with a reason.");
        Open.Remove(record);
        record.DurationMs = nowMs - record.StartedMs;
        _closed[(int)record.Reason]++;
    }

    /// <summary>Connections that entered <paramref name="path"/> so far. Read by any thread.</summary>
    public long OpenedTotal(ConnectionPath path) => Volatile.Read(ref _opened[(int)path]);

    /// <summary>Connections that ended for <paramref name="reason"/> so far. Read by any thread.</summary>
    public long ClosedTotal(CloseReason reason) => Volatile.Read(ref _closed[(int)reason]);
}
