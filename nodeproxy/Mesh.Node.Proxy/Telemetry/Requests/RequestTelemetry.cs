using System.Diagnostics;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry.Logging;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>Sees every request of one loop: counts it in istio's series when it ends, and hands it to the log.</summary>
/// <remarks>
/// <see cref="Began"/> at the first byte of a request, <see cref="Completed"/> once, always, when its response was sent or nothing more can
/// be. Owned by: one loop; every method runs on its thread. Allocates nothing for a series that exists.
/// </remarks>
public sealed class RequestTelemetry
{
    private readonly int _loopIndex;
    private readonly RequestSeriesCache _series;
    private readonly LogWriter _log;
    private readonly TimeProvider _time;
    private long _retries;
    private long _mirrors;
    private long _mirrorsDropped;
    private readonly long[] _checks = new long[Enum.GetValues<CheckResult>().Length];

    internal RequestTelemetry(int loopIndex, RequestSeriesCatalog catalog, LogWriter log, TimeProvider time)
    {
        _loopIndex = loopIndex;
        _series = new RequestSeriesCache(catalog, loopIndex);
        _log = log;
        _time = time;
    }

    /// <summary>How often requests were sent again. Read by any thread.</summary>
    public long RetriesTotal => Volatile.Read(ref _retries);

    /// <summary>Copies of requests that were begun. Read by any thread.</summary>
    public long MirrorsTotal => Volatile.Read(ref _mirrors);

    /// <summary>Copies that were not made, or given up as their mirror was behind. Read by any thread.</summary>
    public long MirrorsDroppedTotal => Volatile.Read(ref _mirrorsDropped);

    /// <summary>Requests that an authorizer was to be asked about, by what came of it. Read by any thread.</summary>
    public long ChecksTotal(CheckResult result) => Volatile.Read(ref _checks[(int)result]);

    /// <summary>The first byte of a request has arrived.</summary>
    /// <param name="record">Any record that is not in use; it is cleared.</param>
    /// <param name="connection">The connection it came on, whose parties it takes over.</param>
    /// <param name="nowMs">The loop's clock.</param>
    /// <param name="mayBeLogged">Whether there may be a line of it though the node's options want none.</param>
    public void Began(RequestRecord record, ConnectionRecord connection, long nowMs, bool mayBeLogged = false)
    {
        ArgumentNullException.ThrowIfNull(record);
        ArgumentNullException.ThrowIfNull(connection);
        record.Begin(connection, nowMs, _log.WritesRequests || (mayBeLogged && _log.CanWriteRequests));
    }

    /// <summary>
    /// What a client sent was refused before it was a request, and answered. Seldom, and then a record of its own is made.
    /// </summary>
    /// <param name="connection">The connection it came on.</param>
    /// <param name="status">The answer's.</param>
    /// <param name="details">Why, as a constant.</param>
    /// <param name="nowMs">The loop's clock.</param>
    public void Refused(ConnectionRecord connection, int status, string details, long nowMs)
    {
        var record = new RequestRecord();
        Began(record, connection, nowMs);
        record.ResponseCode = status;
        record.Flags = ResponseFlag.DownstreamProtocolError;
        record.Details = details;
        Completed(record, nowMs);
    }

    /// <summary>An authorizer was asked about a request, or was to be.</summary>
    public void Checked(CheckResult result) => Volatile.Write(ref _checks[(int)result], _checks[(int)result] + 1);

    /// <summary>A copy of a request is begun.</summary>
    public void MirrorBegan() => Volatile.Write(ref _mirrors, _mirrors + 1);

    /// <summary>A copy of a request is not made, or given up.</summary>
    public void MirrorDropped() => Volatile.Write(ref _mirrorsDropped, _mirrorsDropped + 1);

    /// <summary>The request has ended, well or not. The record may serve the next one at once.</summary>
    /// <param name="record">What became of it.</param>
    /// <param name="nowMs">The loop's clock.</param>
    public void Completed(RequestRecord record, long nowMs)
    {
        ArgumentNullException.ThrowIfNull(record);
        Debug.Assert(record.Connection is not null && record.EndedMs < 0, "A request begins on a connection and ends once.");
        record.EndedMs = nowMs;
        if (record.Attempts > 1)
        {
            Volatile.Write(ref _retries, _retries + record.Attempts - 1);
        }

        // A request between two pods of one node is what two proxies would report: once as its source and once as its destination.
        if (ConnectionPaths.IsOutbound(record.Path) && !record.IsMirror)
        {
            _series.Find(record, isSourceReporter: true).Add(record);
        }

        if (ConnectionPaths.IsInbound(record.Path))
        {
            _series.Find(record, isSourceReporter: false).Add(record);
        }

        // Where a copy arrives, that side has its line; the sending side says what came to nothing.
        bool isSaid = !record.IsMirror || ConnectionPaths.IsInbound(record.Path) || record.Details != ResponseDetails.ViaUpstream;
        if (isSaid && IsWritten(record))
        {
            record.EndedUnixMs = _time.GetUtcNow().ToUnixTimeMilliseconds();
            _log.Request(_loopIndex, record);
        }
    }

    /// <summary>
    /// Whether there is a line: where one of the sides that are here asks for it, or leaves it to the node, whose options do. A side that
    /// wants none takes it from the other's no more than from the node's.
    /// </summary>
    private bool IsWritten(RequestRecord record)
    {
        RequestLog client = ConnectionPaths.IsOutbound(record.Path) ? record.Source?.Logging.Client ?? default : RequestLog.Omitted;
        RequestLog server = ConnectionPaths.IsInbound(record.Path)
            ? record.DestinationWorkload?.Logging.Server ?? default
            : RequestLog.Omitted;
        return client == RequestLog.Written || server == RequestLog.Written
            ? _log.CanWriteRequests
            : _log.WritesRequests && (client == RequestLog.ByNode || server == RequestLog.ByNode);
    }
}
