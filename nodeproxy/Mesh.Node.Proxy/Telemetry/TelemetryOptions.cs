namespace Mesh.Node.Proxy.Telemetry;

/// <summary>What is measured and where it goes. Section <c>telemetry</c> of the node's configuration file.</summary>
public sealed class TelemetryOptions
{
    /// <summary>
    /// Where metrics are pushed over OTLP: <c>http://host:4317</c>, or with path <c>/v1/metrics</c> for HTTP. Null: nowhere.
    /// </summary>
    public string? OtlpEndpoint { get; set; }

    /// <summary>Time between two pushes. Milliseconds, 1 000 to 3 600 000.</summary>
    public int OtlpIntervalMs { get; set; } = 60_000;

    /// <summary>istio TCP series of one workload of this node, all its pods together. What is above shares one overflow series.</summary>
    public int SeriesPerWorkloadMax { get; set; } = 1_000;

    /// <summary>istio TCP series in all. What is above shares one overflow series.</summary>
    public int SeriesMax { get; set; } = 10_000;

    /// <summary>
    /// istio series of requests of one workload of this node, all its pods together: one for each code, flags and other side. What is above
    /// shares one overflow series. Each is 70 lines of a scrape.
    /// </summary>
    public int RequestSeriesPerWorkloadMax { get; set; } = 500;

    /// <summary>istio series of requests in all. What is above shares one overflow series.</summary>
    public int RequestSeriesMax { get; set; } = 2_000;

    /// <summary>How long a series outlives its workloads, so that a scrape or two still see its last value. Milliseconds.</summary>
    public int SeriesRetentionMs { get; set; } = 300_000;

    /// <summary>Whether region and zone of both sides are labels too.</summary>
    public bool LocalityLabels { get; set; }

    /// <summary>Reads <see cref="OtlpEndpoint"/> when there is one.</summary>
    /// <exception cref="FormatException">It is no address of a collector; the message names the key.</exception>
    public void CheckOtlpEndpoint()
    {
        if (!string.IsNullOrEmpty(OtlpEndpoint))
        {
            Otlp.OtlpEndpoint.Parse(OtlpEndpoint);
        }
    }
}
