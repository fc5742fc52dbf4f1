using System.Net.Sockets;
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
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(service);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(counts);

        if (snapshot.FindEndpoints(service.Key) is not { Service: Service current } endpoints)
        {
            return new EndpointChoice { Status = EndpointStatus.UnknownService };
        }

        if (current.LoadBalancing.Mode == LoadBalancingMode.Passthrough)
        {
            return new EndpointChoice { Status = EndpointStatus.Passthrough };
        }

        return endpoints.CandidatesFor(servicePort, source) is CandidateSet candidates
            ? candidates.Pick(family, counts, ref random)
            : new EndpointChoice { Status = EndpointStatus.UnknownPort };
    }
}
