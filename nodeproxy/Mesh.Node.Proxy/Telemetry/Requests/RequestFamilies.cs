using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>istio's metrics of requests over all series.</summary>
internal static class RequestFamilies
{
    /// <summary>Registers all of them.</summary>
    public static void AddTo(MetricRegistry registry, RequestSeriesCatalog catalog)
    {
        registry.Add(new CounterFamily(
            "istio_requests_total", "Requests that ended.", catalog, static cell => cell.CountRequests(), isOfGrpc: false));
        registry.Add(new HistogramFamily(
            "istio_request_duration_milliseconds",
            "Time from the first byte of a request to the last of its response.",
            catalog,
            RequestMeasure.Duration));
        registry.Add(new HistogramFamily(
            "istio_request_bytes", "Content of requests, in bytes.", catalog, RequestMeasure.RequestBytes));
        registry.Add(new HistogramFamily(
            "istio_response_bytes", "Content of responses, in bytes.", catalog, RequestMeasure.ResponseBytes));
        registry.Add(new CounterFamily(
            "istio_request_messages_total", "gRPC messages from clients.", catalog, static cell => cell.RequestMessages, isOfGrpc: true));
        registry.Add(new CounterFamily(
            "istio_response_messages_total", "gRPC messages to clients.", catalog, static cell => cell.ResponseMessages, isOfGrpc: true));
    }

    private sealed class CounterFamily(
        string name, string help, RequestSeriesCatalog catalog, Func<RequestCell, long> read, bool isOfGrpc)
        : MetricFamily(name, MetricType.Counter, help)
    {
        public override IEnumerable<Sample> Collect()
        {
            foreach (RequestSeries series in catalog.Snapshot())
            {
                // The overflow series takes requests of every kind.
                long value = series.Sum(read);
                if (!isOfGrpc || series.Key.Outcome.IsGrpc || value > 0)
                {
                    yield return new Sample(series.Labels, value);
                }
            }
        }
    }

    private sealed class HistogramFamily(string name, string help, RequestSeriesCatalog catalog, RequestMeasure measure)
        : MetricFamily(name, MetricType.Histogram, help)
    {
        public override IEnumerable<Sample> Collect()
        {
            foreach (RequestSeries series in catalog.Snapshot())
            {
                yield return new Sample(series.Labels, 0, series.Histogram(measure));
            }
        }
    }
}
