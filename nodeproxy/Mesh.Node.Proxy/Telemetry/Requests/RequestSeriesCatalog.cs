using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>All istio series of requests of the process.</summary>
internal sealed class RequestSeriesCatalog(TelemetryOptions options, int loops) : SeriesCatalog<RequestSeriesKey, RequestSeries>(
    SeriesLimits.OfRequests(options),
    new RequestSeries(default, loops, RequestLabels.OfOverflow(options.LocalityLabels)),
    key => new RequestSeries(key, loops, new RequestLabels(key, options.LocalityLabels)))
{
    private readonly bool _withLocality = options.LocalityLabels;

    /// <summary>The series of a request, as one of the two reporters sees it. Loop thread.</summary>
    public RequestSeries Resolve(RequestRecord record, bool isSourceReporter) =>
        Resolve(RequestSeriesKey.Of(record, isSourceReporter, _withLocality));
}
