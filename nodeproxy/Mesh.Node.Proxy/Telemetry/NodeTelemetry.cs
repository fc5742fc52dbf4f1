using Mesh.Node.Model;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Transport.EventLoops;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Telemetry;

/// <summary>Everything the process shows of itself: metrics, logs, open connections. Made first, disposed last.</summary>
public sealed class NodeTelemetry : IDisposable
{
    /// <summary>How often series are looked over for workloads that are gone.</summary>
    private static readonly TimeSpan s_expiryPeriod = TimeSpan.FromSeconds(30);

    /// <summary>Connections that report their bytes in one turn of a loop.</summary>
    private const int ReportsPerTurn = 2_048;

    private readonly TimeProvider _time;
    private readonly TcpSeriesCatalog _catalog;
    private readonly RequestSeriesCatalog _requestCatalog;
    private readonly ConnectionTelemetry[] _connections;
    private readonly RequestTelemetry[] _requests;
    private readonly NodeLoggerProvider _loggers;
    private readonly ITimer _expiry;
    private MeshSnapshot _snapshot = MeshSnapshot.Empty;

    // The timer's own: what it last looked at, and whether some series of it wait to expire.
    private MeshSnapshot? _lookedAt;
    private bool _areSeriesWaiting;
    private LoopVisits? _visits;

    /// <summary>Starts the log's thread and the look-out for expired series.</summary>
    /// <param name="options">What is measured.</param>
    /// <param name="log">How the log is written.</param>
    /// <param name="loops">How many loops there will be.</param>
    /// <param name="logOutput">Where lines go; not closed.</param>
    /// <param name="time">The clock.</param>
    public NodeTelemetry(TelemetryOptions options, LogOptions log, int loops, Stream logOutput, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        _time = time;
        _catalog = new TcpSeriesCatalog(options, loops);
        _requestCatalog = new RequestSeriesCatalog(options, loops);
        Metrics = new MetricRegistry(loops);
        Log = new LogWriter(logOutput, log, loops);
        _loggers = new NodeLoggerProvider(Log, time);
        _connections = new ConnectionTelemetry[loops];
        _requests = new RequestTelemetry[loops];
        for (int index = 0; index < loops; index++)
        {
            _connections[index] = new ConnectionTelemetry(index, loops, _catalog, Log, time);
            _requests[index] = new RequestTelemetry(index, _requestCatalog, Log, time);
        }

        RequestFamilies.AddTo(Metrics, _requestCatalog);
        TcpFamily.AddTo(Metrics, _catalog);
        ConnectionMetrics.AddTo(Metrics, _connections);
        Dns = new DnsMetrics(Metrics);
        ProcessMetrics.AddTo(Metrics, Version, time.GetUtcNow());
        AddOwnMetrics();
        _expiry = time.CreateTimer(static state => ((NodeTelemetry)state!).Expire(), this, s_expiryPeriod, s_expiryPeriod);
    }

    /// <summary>The product's version.</summary>
    public static string Version { get; } = typeof(NodeTelemetry).Assembly.GetName().Version?.ToString(fieldCount: 3) ?? "unknown";

    /// <summary>Where components register what they count.</summary>
    public MetricRegistry Metrics { get; }

    /// <summary>What pods ask of DNS.</summary>
    internal DnsMetrics Dns { get; }

    /// <summary>The log's thread, and the switch of its level.</summary>
    public LogWriter Log { get; }

    /// <summary>Loggers for whoever has something to say.</summary>
    public ILoggerFactory Loggers => _loggers;

    /// <summary>What each loop sees, by its index.</summary>
    public IReadOnlyList<ConnectionTelemetry> Connections => _connections;

    /// <summary>How loops are asked; null until they are attached.</summary>
    public LoopVisits? Visits => _visits;

    /// <summary>Grows when istio series have expired.</summary>
    internal int SeriesGeneration => _catalog.Generation + _requestCatalog.Generation;

    /// <summary>What the loop with this index reports its connections to.</summary>
    public ConnectionTelemetry ForLoop(int loopIndex) => _connections[loopIndex];

    /// <summary>What the loop with this index reports its requests to.</summary>
    public RequestTelemetry RequestsForLoop(int loopIndex) => _requests[loopIndex];

    /// <summary>The loops run: from here on they are measured and asked.</summary>
    public void AttachLoops(IReadOnlyList<EventLoop> loops)
    {
        ArgumentNullException.ThrowIfNull(loops);
        ArgumentOutOfRangeException.ThrowIfNotEqual(loops.Count, _connections.Length);
        _visits = new LoopVisits(loops, _time);
        LoopMetrics.AddTo(Metrics, loops, _visits);
    }

    /// <summary>A new snapshot was published: series of workloads that it lacks start to expire. Any thread; cheap.</summary>
    public void OnSnapshot(MeshSnapshot snapshot) => Volatile.Write(ref _snapshot, snapshot);

    /// <summary>Has every loop add what open connections have carried to the series. Before a scrape.</summary>
    /// <param name="limit">How long to wait; loops that are late leave their last values.</param>
    /// <returns>The names of the loops that were late.</returns>
    public async Task<IReadOnlyList<string>> ReportOpenBytesAsync(TimeSpan limit)
    {
        return _visits is null ? [] : await _visits.VisitAsync(ReportOn, limit);

        Func<bool> ReportOn(EventLoop loop)
        {
            ConnectionTelemetry connections = _connections[loop.Index];
            int next = 0;
            return () => (next = connections.ReportOpenBytes(next, ReportsPerTurn)) == 0;
        }
    }

    /// <summary>Writes what waits for the log and stops.</summary>
    public void Dispose()
    {
        _expiry.Dispose();
        Log.Dispose();
        _loggers.Dispose();
    }

    private void Expire()
    {
        MeshSnapshot snapshot = Volatile.Read(ref _snapshot);

        // Before the first complete snapshot nothing is known, which is not the same as gone.
        if (snapshot.IsComplete && (_areSeriesWaiting || !ReferenceEquals(snapshot, _lookedAt)))
        {
            _lookedAt = snapshot;
            DateTimeOffset now = _time.GetUtcNow();
            _areSeriesWaiting = _catalog.Expire(snapshot, now) | _requestCatalog.Expire(snapshot, now);
        }
    }

    private static string WordOf(CheckResult result) => result switch
    {
        CheckResult.Allowed => "allowed",
        CheckResult.Denied => "denied",
        CheckResult.FailedOpen => "failed_open",
        CheckResult.NotAsked => "not_asked",
        _ => "failed",
    };

    private void AddOwnMetrics()
    {
        Metrics.AddGauge("mesh_tcp_series", "istio TCP series kept.", () => _catalog.Count);
        Metrics.AddCounter(
            "mesh_tcp_series_overflowed_total", "Times a connection had to share the overflow series.", () => _catalog.Overflowed);
        Metrics.AddGauge("mesh_request_series", "istio series of requests kept.", () => _requestCatalog.Count);
        Metrics.AddCounter(
            "mesh_request_series_overflowed_total",
            "Times the overflow series of requests was looked up.",
            () => _requestCatalog.Overflowed);
        Metrics.AddCounter(
            "mesh_request_retries_total", "Times a request was sent again.", () => _requests.Sum(requests => requests.RetriesTotal));
        Metrics.AddCounter(
            "mesh_request_mirrors_total", "Copies of requests begun.", () => _requests.Sum(requests => requests.MirrorsTotal));
        Metrics.AddCounter(
            "mesh_request_mirrors_dropped_total",
            "Copies of requests not made, or given up because their mirror was behind.",
            () => _requests.Sum(requests => requests.MirrorsDroppedTotal));
        foreach (CheckResult result in Enum.GetValues<CheckResult>())
        {
            Metrics.AddCounter(
                "mesh_authorizer_checks_total",
                "Requests that an authorizer was to be asked about, by what came of it.",
                LabelSet.Of(("result", WordOf(result))),
                () => _requests.Sum(requests => requests.ChecksTotal(result)));
        }

        foreach (DryRunResult result in Enum.GetValues<DryRunResult>())
        {
            Metrics.AddCounter(
                "mesh_policy_dry_runs_total",
                "Connections and requests that policies in a dry run decided about, by what they would have done.",
                LabelSet.Of(("result", DryRunResults.Name(result))),
                () => _connections.Sum(connections => connections.DryRunsTotal(result)));
        }

        Metrics.AddCounter("mesh_access_log_lines_total", "Connections and requests logged.", () => Log.AccessWritten);
        Metrics.AddCounter(
            "mesh_access_log_dropped_total",
            "Connections and requests not logged because the writer was behind.",
            () => Log.AccessDropped);
        Metrics.AddCounter("mesh_log_dropped_total", "Lines not logged because the writer was behind.", () => Log.LinesDropped);
        Metrics.AddCounter("mesh_log_write_failures_total", "Writes that the log's output refused.", () => Log.WriteFailures);
    }
}
