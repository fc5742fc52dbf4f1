using System.Net.Sockets;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Balancing;

/// <summary>
/// Chooses the endpoint a connection to a service goes to: healthy ones, near ones as the service prefers, by weight, and of two drawn
/// the one with fewer open streams for its weight. Pure; any thread; allocates nothing once a service's candidates are worked out, which
/// the first pick after a change does.
/// </summary>
public static class EndpointPicker
{
    /// <summary>Picks an endpoint.</summary>
    /// <param name="snapshot">The configuration in force; the service is looked up in it again, so a stale one is harmless.</param>
    /// <param name="service">The service dialled.</param>
    /// <param name="servicePort">The port dialled.</param>
    /// <param name="source">The client's workload: its place decides what is near.</param>
    /// <param name="family">The family the client dialled; endpoints with both are reached over it.</param>
    /// <param name="counts">How busy endpoints are.</param>
    /// <param name="random">The caller's generator.</param>
    public static EndpointChoice Pick(
        MeshSnapshot snapshot,
        Service service,
        ushort servicePort,
        Workload source,
        AddressFamily family,
        IOpenStreamCounts counts,
        ref RandomState random)
    {
        ArgumentNullException.ThrowIfNull(service);
        return Pick(snapshot, service.Key, servicePort, "", source, family, counts, ref random);
    }

    /// <summary>Picks an endpoint of a service, or of some of its endpoints.</summary>
    /// <param name="snapshot">The configuration in force.</param>
    /// <param name="serviceKey">namespace/hostname.</param>
    /// <param name="servicePort">The service's port.</param>
    /// <param name="subset">As routes name it; empty for all endpoints.</param>
    /// <param name="source">The client's workload: its place decides what is near.</param>
    /// <param name="family">The family the client dialled; endpoints with both are reached over it.</param>
    /// <param name="counts">How busy endpoints are.</param>
    /// <param name="random">The caller's generator.</param>
    public static EndpointChoice Pick(
        MeshSnapshot snapshot,
        string serviceKey,
        ushort servicePort,
        string subset,
        Workload source,
        AddressFamily family,
        IOpenStreamCounts counts,
        ref RandomState random)
    {
        ArgumentNullException.ThrowIfNull(counts);
        CandidateSet? candidates = Candidates(snapshot, serviceKey, servicePort, subset, source, out EndpointStatus status);
        return candidates?.Pick(family, counts, ref random) ?? new EndpointChoice { Status = status };
    }

    /// <summary>
    /// Finds the endpoints requests to a service, its port and perhaps a subset can go to, for whoever chooses among them by something else
    /// than a pick does.
    /// </summary>
    /// <param name="snapshot">The configuration in force.</param>
    /// <param name="serviceKey">namespace/hostname.</param>
    /// <param name="servicePort">The service's port.</param>
    /// <param name="subset">As routes name it; empty for all endpoints.</param>
    /// <param name="source">The client's workload: its namespace decides what the subset's name means, its place what is near.</param>
    /// <returns>The same instance for as long as nothing about them changes.</returns>
    public static CandidateSet Find(MeshSnapshot snapshot, string serviceKey, ushort servicePort, string subset, Workload source) =>
        Candidates(snapshot, serviceKey, servicePort, subset, source, out EndpointStatus status) ?? CandidateSet.None(status);

    /// <returns>Null when there is only a status.</returns>
    private static CandidateSet? Candidates(
        MeshSnapshot snapshot, string serviceKey, ushort servicePort, string subset, Workload source, out EndpointStatus status)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(source);
        if (snapshot.FindEndpoints(serviceKey) is not { Service: Service current } endpoints)
        {
            status = EndpointStatus.UnknownService;
            return null;
        }

        string subsetKey = "";
        if (!string.IsNullOrEmpty(subset))
        {
            TrafficSubset? found = null;
            if (snapshot.FindTraffic(serviceKey)?.ScopeOf(source.Namespace).TryGetSubset(subset, out found) != true)
            {
                status = EndpointStatus.UnknownSubset;
                return null;
            }

            subsetKey = found!.Key;
        }

        if (current.LoadBalancing.Mode == LoadBalancingMode.Passthrough)
        {
            status = EndpointStatus.Passthrough;
            return null;
        }

        status = EndpointStatus.UnknownPort;
        return endpoints.CandidatesFor(servicePort, subsetKey, source);
    }
}
