using Mesh.Node.Model.Outliers;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Metrics of circuits and ejections, of all destinations together: which of them it is, the page of clusters shows.</summary>
internal static class DestinationMetrics
{
    private static readonly CircuitLimit[] s_limits =
        [CircuitLimit.Connections, CircuitLimit.PendingRequests, CircuitLimit.Requests, CircuitLimit.Retries];

    /// <summary>Registers them.</summary>
    public static void AddTo(MetricRegistry registry, IDestinationLister destinations)
    {
        registry.AddGauge("mesh_destinations", "Destinations that requests were lately sent to.", () => destinations.List().Count);
        registry.AddGauge(
            "mesh_endpoints_ejected",
            "Endpoints that are left out now, in each destination.",
            () => destinations.List().Sum(destination => destination.Endpoints.Count(endpoint => endpoint.Ejected is not null)));
        foreach (EjectionCause cause in Enum.GetValues<EjectionCause>())
        {
            registry.AddCounter(
                "mesh_endpoint_ejections_total",
                "Endpoints that were ejected, by cause.",
                LabelSet.Of(("cause", DestinationDump.Word(cause))),
                () => destinations.Totals.Ejections(cause));
        }

        registry.AddCounter(
            "mesh_endpoint_ejections_overflowed_total",
            "Ejections that were due and would have left too few endpoints.",
            () => destinations.Totals.EjectionOverflows);
        registry.Add(new OpenFamily(destinations));
        foreach (CircuitLimit limit in s_limits)
        {
            LabelSet labels = LabelSet.Of(("limit", DestinationDump.Word(limit)));
            registry.AddCounter(
                "mesh_circuit_overflows_total",
                "What was refused as there were as many under way as may be, by limit.",
                labels,
                () => destinations.Totals.Overflows(limit));
        }
    }

    private sealed class OpenFamily(IDestinationLister destinations)
        : MetricFamily("mesh_circuits_open", MetricType.Gauge, "Destinations to which no more may be begun, by limit.")
    {
        public override IEnumerable<Sample> Collect()
        {
            ILookup<CircuitLimit, CircuitStatus> open = destinations.List()
                .SelectMany(destination => destination.Circuit)
                .Where(circuit => circuit.IsOpen)
                .ToLookup(circuit => circuit.Limit);
            return s_limits.Select(limit => new Sample(LabelSet.Of(("limit", DestinationDump.Word(limit))), open[limit].Count()));
        }
    }
}
