using Mesh.Node.Proxy.Telemetry.Metrics;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Telemetry.Otlp;

/// <summary>Pushes every metric to an OpenTelemetry collector, period after period.</summary>
public sealed partial class OtlpExport : IAsyncDisposable
{
    /// <summary>How long a push waits for loops to report what open connections carried.</summary>
    private static readonly TimeSpan s_reportTime = TimeSpan.FromSeconds(1);

    private readonly NodeTelemetry _telemetry;
    private readonly OtlpEndpoint _endpoint;
    private readonly string _nodeName;
    private readonly int _seriesMax;
    private readonly Counter _pushed;
    private readonly Counter _failed;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private OtlpEpoch? _epoch;
    private int _generation;
    private bool _isFailing;

    private OtlpExport(TelemetryOptions options, OtlpEndpoint endpoint, NodeTelemetry telemetry, string nodeName, TimeProvider time)
    {
        const string Help = "Pushes of metrics over OTLP, by how they ended.";
        _telemetry = telemetry;
        _endpoint = endpoint;
        _nodeName = nodeName;
        _seriesMax = Math.Max(
            (options.SeriesMax + 1) * CloseReasons.FlagsCount,
            (options.RequestSeriesMax + 1) * HistogramBounds.Default.BucketCount) + 1;
        _pushed = telemetry.Metrics.AddCounter("mesh_otlp_pushes_total", Help, LabelSet.Of(("result", "ok")));
        _failed = telemetry.Metrics.AddCounter("mesh_otlp_pushes_total", Help, LabelSet.Of(("result", "failed")));
        _logger = telemetry.Loggers.CreateLogger(typeof(OtlpExport).FullName!);
        _running = RunAsync(TimeSpan.FromMilliseconds(options.OtlpIntervalMs), time);
    }

    /// <summary>Starts pushing when there is an endpoint. After everything has registered its metrics.</summary>
    /// <param name="options">Where to and how often.</param>
    /// <param name="telemetry">What.</param>
    /// <param name="nodeName">This node.</param>
    /// <param name="time">The clock.</param>
    /// <returns>Null when there is no endpoint.</returns>
    /// <exception cref="FormatException">The endpoint is malformed; the message names its key.</exception>
    public static OtlpExport? Start(TelemetryOptions options, NodeTelemetry telemetry, string nodeName, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(telemetry);
        return string.IsNullOrEmpty(options.OtlpEndpoint)
            ? null
            : new OtlpExport(options, OtlpEndpoint.Parse(options.OtlpEndpoint), telemetry, nodeName, time);
    }

    /// <summary>Pushes a last time and stops.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _epoch?.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync(TimeSpan period, TimeProvider time)
    {
        using PeriodicTimer timer = new(period, time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping.Token))
            {
                await _telemetry.ReportOpenBytesAsync(s_reportTime);

                // A thread of its own: OpenTelemetry sends synchronously, and a slow collector must not hold one of the pool.
                Note(await Task.Factory.StartNew(Push, _stopping.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default));
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private bool Push()
    {
        int generation = _telemetry.SeriesGeneration;
        IReadOnlyList<MetricFamily> families = _telemetry.Metrics.Families;
        if (_epoch is null || _generation != generation || _epoch.FamilyCount != families.Count)
        {
            OtlpEpoch? previous = _epoch;
            previous?.Dispose();
            _generation = generation;
            _epoch = new OtlpEpoch(families, _endpoint, _nodeName, _seriesMax, previous);
        }

        return _epoch.Push();
    }

    private void Note(bool isPushed)
    {
        (isPushed ? _pushed : _failed).Add();
        if (isPushed && _isFailing)
        {
            Recovered(_logger, _endpoint.Address);
        }
        else if (!isPushed && !_isFailing)
        {
            Failing(_logger, _endpoint.Address);
        }

        _isFailing = !isPushed;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The collector at {Address} does not take metrics; it is tried again every period.")]
    private static partial void Failing(ILogger logger, Uri address);

    [LoggerMessage(Level = LogLevel.Information, Message = "The collector at {Address} takes metrics again.")]
    private static partial void Recovered(ILogger logger, Uri address);
}
