using System.Diagnostics;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Telemetry;

/// <summary>Sees every connection of one loop: registers it, counts it, and hands it to the log when it ends.</summary>
/// <remarks>
/// The order is <see cref="Opened"/> at accept, before anything is decided; <see cref="PartiesKnown"/> when source and destination are
/// known and still before policy and connect; <see cref="Closed"/> once, always. A connection that ends earlier skips the middle one.
/// Owned by: one loop; every method runs on its thread. Allocates nothing for a series that exists.
/// </remarks>
public sealed class ConnectionTelemetry
{
    private readonly int _loopIndex;
    private readonly int _loopCount;
    private readonly TcpSeriesCache _series;
    private readonly LogWriter _log;
    private readonly TimeProvider _time;
    private readonly long[] _opened = new long[ConnectionPaths.Count];
    private readonly long[] _closed = new long[ConnectionPaths.Count * CloseReasons.Count];
    private readonly long[] _dryRuns = new long[Enum.GetValues<DryRunResult>().Length];
    private long _sequence;

    internal ConnectionTelemetry(int loopIndex, int loopCount, TcpSeriesCatalog catalog, LogWriter log, TimeProvider time)
    {
        _loopIndex = loopIndex;
        _loopCount = loopCount;
        _series = new TcpSeriesCache(catalog, loopIndex);
        _log = log;
        _time = time;
    }

    /// <summary>The connections that are open on this loop. Read by any thread.</summary>
    public OpenConnections Open { get; } = new();

    /// <summary>
    /// Connections and requests that policies in a dry run decided about, by what they would have done. Read by any thread.
    /// </summary>
    public long DryRunsTotal(DryRunResult result) => Volatile.Read(ref _dryRuns[(int)result]);

    /// <summary>Policies in a dry run have decided about a connection or a request.</summary>
    public void DryRun(DryRunResult result) => Volatile.Write(ref _dryRuns[(int)result], _dryRuns[(int)result] + 1);

    /// <summary>A connection was accepted: from here on it is counted and can be seen.</summary>
    public void Opened(ConnectionRecord record)
    {
        Debug.Assert(record.Id == 0, "A connection is opened once.");
        record.Id = (++_sequence * _loopCount) + _loopIndex;
        ref long opened = ref _opened[(int)record.Path];
        Volatile.Write(ref opened, opened + 1);
        Open.Add(record);
    }

    /// <summary>Source, destination, service and protection are known: istio's series count the connection as opened.</summary>
    public void PartiesKnown(ConnectionRecord record)
    {
        Debug.Assert(!record.ArePartiesKnown, "The parties of a connection become known once.");
        record.ArePartiesKnown = true;
        CountOpened(record);
        record.LoggedUnixMs = _time.GetUtcNow().ToUnixTimeMilliseconds();
        _log.Access(_loopIndex, record, AccessEvent.Opened);
    }

    /// <summary>
    /// The connection goes on to another endpoint, which the record names by now: for istio's series one to the first has ended, and one to
    /// the other is opened.
    /// </summary>
    /// <param name="record">An outbound connection whose parties are known and that has carried nothing.</param>
    /// <param name="reason">Why it goes on.</param>
    public void Rerouted(ConnectionRecord record, CloseReason reason)
    {
        Debug.Assert(record.ArePartiesKnown && record.BytesSent + record.BytesReceived == 0, "Only what has not begun can go elsewhere.");
        record.SourceCell?.Close(reason);
        CountOpened(record);
    }

    /// <summary>The connection has ended for <see cref="ConnectionRecord.Reason"/>, which must be set.</summary>
    /// <param name="record">The connection; it is not written after this.</param>
    /// <param name="nowMs">The loop's clock.</param>
    public void Closed(ConnectionRecord record, long nowMs)
    {
        Debug.Assert(record.Reason != CloseReason.None, "A connection ends with a reason.");
        Open.Remove(record);
        record.DurationMs = nowMs - record.StartedMs;
        ref long closed = ref _closed[((int)record.Path * CloseReasons.Count) + (int)record.Reason];
        Volatile.Write(ref closed, closed + 1);

        if (!record.ArePartiesKnown)
        {
            CountOpened(record);
        }

        ReportBytes(record);
        record.SourceCell?.Close(record.Reason);
        record.DestinationCell?.Close(record.Reason);

        record.LoggedUnixMs = _time.GetUtcNow().ToUnixTimeMilliseconds();
        _log.Access(_loopIndex, record, AccessEvent.Closed);
    }

    /// <summary>Connections that entered <paramref name="path"/> so far. Read by any thread.</summary>
    /// <remarks>Counted at accept: one that turns out to be of another path still counts here.</remarks>
    public long OpenedTotal(ConnectionPath path) => Volatile.Read(ref _opened[(int)path]);

    /// <summary>Connections of <paramref name="path"/> that ended for <paramref name="reason"/> so far. Read by any thread.</summary>
    public long ClosedTotal(ConnectionPath path, CloseReason reason) =>
        Volatile.Read(ref _closed[((int)path * CloseReasons.Count) + (int)reason]);

    /// <summary>Adds to the series what open connections carried since the last time, so that long-lived ones are seen.</summary>
    /// <param name="from">Where to go on; 0 to start.</param>
    /// <param name="connectionsMax">How many to visit: a loop with many is not held for all of them in one turn.</param>
    /// <returns>Where to go on, or 0 when all were visited.</returns>
    internal int ReportOpenBytes(int from, int connectionsMax)
    {
        OpenConnections.SlotRange part = Open.Slice(from, connectionsMax, out int next);
        foreach (ConnectionRecord record in part)
        {
            ReportBytes(record);
        }

        return next;
    }

    private static void ReportBytes(ConnectionRecord record)
    {
        long receivedBytes = record.BytesSent - record.ReportedSent;
        long sentBytes = record.BytesReceived - record.ReportedReceived;
        record.ReportedSent = record.BytesSent;
        record.ReportedReceived = record.BytesReceived;
        record.SourceCell?.AddBytes(receivedBytes, sentBytes);
        record.DestinationCell?.AddBytes(receivedBytes, sentBytes);
    }

    private void CountOpened(ConnectionRecord record)
    {
        if (ConnectionPaths.IsTunnel(record.Path) || record.CarriesRequests)
        {
            return;
        }

        // A same-node connection is what two proxies would report: once as its source and once as its destination.
        if (ConnectionPaths.IsOutbound(record.Path))
        {
            record.SourceCell = _series.Find(record, isSourceReporter: true);
            record.SourceCell.Open();
        }

        if (ConnectionPaths.IsInbound(record.Path))
        {
            record.DestinationCell = _series.Find(record, isSourceReporter: false);
            record.DestinationCell.Open();
        }
    }
}
