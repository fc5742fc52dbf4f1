using System.Diagnostics.Metrics;
using Mesh.Node.Proxy.Telemetry.Metrics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using MetricType = Mesh.Node.Proxy.Telemetry.Metrics.MetricType;

namespace Mesh.Node.Proxy.Telemetry.Otlp;

/// <summary>One life of OpenTelemetry's pipeline: instruments that read our registry, and the exporter behind them.</summary>
/// <remarks>
/// OpenTelemetry keeps every series it ever saw for as long as its pipeline lives. When series of ours have expired the pipeline is
/// therefore replaced: the next one counts from where this one was last read, as the start time of its points says it does.
/// Used by one push at a time.
/// </remarks>
internal sealed class OtlpEpoch : IDisposable
{
    private const string MeterName = "Mesh.Node";
    private const int PushTimeoutMs = 10_000;

    // What counters said when the epoch before this one was last read, and when this one was.
    private readonly IReadOnlyDictionary<(string Metric, LabelSet Labels, int Bucket), double> _before;
    private readonly Dictionary<(string Metric, LabelSet Labels, int Bucket), double> _read = [];
    private readonly Meter _meter = new(MeterName, NodeTelemetry.Version);
    private readonly BaseExportingMetricReader _reader;
    private readonly MeterProvider _provider;

    /// <summary>Starts a pipeline.</summary>
    /// <param name="families">What to push.</param>
    /// <param name="endpoint">Where to.</param>
    /// <param name="nodeName">The node, as the instance of the service.</param>
    /// <param name="seriesMax">How many series a family may have.</param>
    /// <param name="previous">The pipeline this one goes on from, disposed; null for the first.</param>
    public OtlpEpoch(IReadOnlyList<MetricFamily> families, OtlpEndpoint endpoint, string nodeName, int seriesMax, OtlpEpoch? previous)
    {
        _before = previous is null ? new Dictionary<(string, LabelSet, int), double>() : previous._read;
        FamilyCount = families.Count;
        foreach (MetricFamily family in families)
        {
            AddInstrument(family);
        }

        OtlpExporterOptions options = new()
        {
            Endpoint = endpoint.Address,
            Protocol = endpoint.Protocol,
            TimeoutMilliseconds = PushTimeoutMs,
        };
        _reader = new BaseExportingMetricReader(new OtlpMetricExporter(options));
        _provider = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService(
                "mesh-node", serviceVersion: NodeTelemetry.Version, autoGenerateServiceInstanceId: false, serviceInstanceId: nodeName))
            .AddMeter(MeterName)
            .AddView(_ => new MetricStreamConfiguration { CardinalityLimit = seriesMax })
            .AddReader(_reader)
            .Build();
    }

    /// <summary>How many families this pipeline knows.</summary>
    public int FamilyCount { get; }

    /// <summary>Reads every family and sends the values. Blocks until the collector has answered or the time is up.</summary>
    /// <returns>Whether the collector took them.</returns>
    public bool Push() => _reader.Collect(PushTimeoutMs);

    /// <summary>Reads and sends a last time.</summary>
    public void Dispose()
    {
        _provider.Dispose();
        _reader.Dispose();
        _meter.Dispose();
    }

    private void AddInstrument(MetricFamily family)
    {
        if (family.Type == MetricType.Counter)
        {
            // The suffix is Prometheus' way to say what OTLP says by type; whoever stores OTLP in Prometheus adds it again.
            string name = family.Name[..^MetricNames.CounterSuffix.Length];
            _meter.CreateObservableCounter(name, () => ReadCounter(family), unit: null, family.Help);
        }
        else if (family.Type == MetricType.Histogram)
        {
            // The library takes values for a histogram and no counts, so they go as Prometheus writes them, one metric for each suffix. A
            // counter would gain a suffix more in Prometheus.
            foreach (string suffix in (string[])[MetricNames.BucketSuffix, MetricNames.SumSuffix, MetricNames.CountSuffix])
            {
                string name = family.Name + suffix;
                _meter.CreateObservableUpDownCounter(name, () => ReadHistogram(family, name, suffix), unit: null, family.Help);
            }
        }
        else
        {
            _meter.CreateObservableGauge(family.Name, () => ReadGauge(family), unit: null, family.Help);
        }
    }

    private IEnumerable<Measurement<double>> ReadCounter(MetricFamily family)
    {
        foreach (Sample sample in family.Collect())
        {
            yield return new Measurement<double>(SinceStart(family.Name, sample.Labels, 0, sample.Value), sample.Labels.Tags);
        }
    }

    private IEnumerable<Measurement<double>> ReadHistogram(MetricFamily family, string name, string suffix)
    {
        foreach (Sample sample in family.Collect())
        {
            HistogramValue histogram = sample.Histogram!;
            switch (suffix)
            {
                case MetricNames.SumSuffix:
                    yield return new Measurement<double>(SinceStart(name, sample.Labels, 0, histogram.Sum), sample.Labels.Tags);
                    break;
                case MetricNames.CountSuffix:
                    yield return new Measurement<double>(SinceStart(name, sample.Labels, 0, histogram.Count), sample.Labels.Tags);
                    break;
                default:
                    for (int bucket = 0; bucket < histogram.Bounds.BucketCount; bucket++)
                    {
                        string bound = histogram.Bounds.Text(bucket, ExpositionFormat.PrometheusText);
                        KeyValuePair<string, object?>[] tags = [.. sample.Labels.Tags, new("le", bound)];
                        yield return new Measurement<double>(SinceStart(name, sample.Labels, bucket, histogram.CountUpTo(bucket)), tags);
                    }

                    break;
            }
        }
    }

    /// <summary>What a count has grown by since this pipeline began.</summary>
    private double SinceStart(string metric, LabelSet labels, int bucket, double value)
    {
        (string, LabelSet, int) key = (metric, labels, bucket);
        _read[key] = value;
        return value - _before.GetValueOrDefault(key);
    }

    private static IEnumerable<Measurement<double>> ReadGauge(MetricFamily family)
    {
        foreach (Sample sample in family.Collect())
        {
            yield return new Measurement<double>(sample.Value, sample.Labels.Tags);
        }
    }
}
