namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>All istio TCP series of the process.</summary>
internal sealed class TcpSeriesCatalog(TelemetryOptions options, int loops) : SeriesCatalog<PartiesKey, TcpSeries>(
    SeriesLimits.OfConnections(options),
    new TcpSeries(default, loops, flags => TcpLabels.OfOverflow(flags, options.LocalityLabels)),
    key => new TcpSeries(key, loops, flags => new TcpLabels(key, flags, options.LocalityLabels)))
{
    private readonly bool _withLocality = options.LocalityLabels;

    /// <summary>The series of a connection, as one of the two reporters sees it. Loop thread.</summary>
    public TcpSeries Resolve(ConnectionRecord record, bool isSourceReporter) =>
        Resolve(PartiesKey.Of(record, isSourceReporter, _withLocality));
}
