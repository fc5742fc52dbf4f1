using System.Collections.Immutable;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Proxy.Admin;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>What there is to show of destinations. Any thread; what is shown changes meanwhile.</summary>
internal static class DestinationDescription
{
    private static readonly ImmutableArray<CircuitLimit> s_limits =
        [CircuitLimit.Connections, CircuitLimit.PendingRequests, CircuitLimit.Requests, CircuitLimit.Retries];

    /// <summary>All destinations, by their names.</summary>
    /// <param name="registry">The destinations.</param>
    /// <param name="nowMs">The loops' milliseconds.</param>
    public static IReadOnlyList<DestinationStatus> Describe(this DestinationRegistry registry, long nowMs) =>
    [
        .. registry.All
            .OrderBy(destination => destination.Key.ToString(), StringComparer.Ordinal)
            .Select(destination => Describe(destination, nowMs)),
    ];

    private static DestinationStatus Describe(Destination destination, long nowMs)
    {
        Circuit circuit = destination.Circuit;
        return new DestinationStatus(
            destination.Key.ServiceKey,
            destination.Key.Port,
            destination.Key.Subset,
            destination.Key.Scope,
            [
                .. s_limits.Select(limit => new CircuitStatus(
                    limit, circuit.Count(limit), circuit.Max(limit), circuit.IsOpen(limit), circuit.OverflowsTotal(limit))),
            ],
            [
                .. destination.ListEndpoints()
                    .OrderBy(endpoint => endpoint.Uid, StringComparer.Ordinal)
                    .Select(endpoint => Describe(endpoint, nowMs)),
            ]);
    }

    private static DestinationEndpointStatus Describe(DestinationEndpoint endpoint, long nowMs)
    {
        OutlierEndpoint? ejected = endpoint.Outlier is { IsEjected: true } outlier ? outlier : null;
        return new DestinationEndpointStatus(
            endpoint.Uid,
            endpoint.Active,
            endpoint.RequestsTotal,
            endpoint.SuccessesTotal,
            endpoint.IntervalSuccessRate,
            ejected?.Cause,
            Math.Max(0, (ejected?.EjectedUntilMs ?? nowMs) - nowMs));
    }
}
