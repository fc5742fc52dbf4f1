namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>What a <see cref="SeriesCatalog{TKey, TSeries}"/> is held to.</summary>
/// <param name="SeriesMax">Series in all.</param>
/// <param name="SeriesPerWorkloadMax">Series of one workload of this node.</param>
/// <param name="RetentionMs">How long a series outlives its workloads and services.</param>
/// <param name="WithLocality">Whether region and zone tell series apart.</param>
internal readonly record struct SeriesLimits(int SeriesMax, int SeriesPerWorkloadMax, int RetentionMs, bool WithLocality)
{
    /// <summary>The limits of TCP series.</summary>
    public static SeriesLimits OfConnections(TelemetryOptions options) =>
        new(options.SeriesMax, options.SeriesPerWorkloadMax, options.SeriesRetentionMs, options.LocalityLabels);

    /// <summary>The limits of series of requests.</summary>
    public static SeriesLimits OfRequests(TelemetryOptions options) =>
        new(options.RequestSeriesMax, options.RequestSeriesPerWorkloadMax, options.SeriesRetentionMs, options.LocalityLabels);
}
