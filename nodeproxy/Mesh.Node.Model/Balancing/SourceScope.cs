using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Balancing;

/// <summary>What of a client decides which endpoints are near it. Clients of one node nearly always share one.</summary>
internal readonly record struct SourceScope(string Network, string Region, string Zone, string Subzone, string Node, string ClusterId)
{
    public static SourceScope Of(Workload workload) => new(
        workload.Network,
        workload.Locality.Region,
        workload.Locality.Zone,
        workload.Locality.Subzone,
        workload.Node,
        workload.ClusterId);

    /// <summary>How many scopes of the preference, from the first, an endpoint agrees in.</summary>
    /// <remarks>
    /// An unknown region equals an unknown region, or a preference for the same node, which lists regions and zones before it, would mean
    /// nothing in clusters without them. An unknown node is no node: two virtual machines do not share one.
    /// </remarks>
    public int AgreesIn(ReadOnlySpan<RoutingScope> preference, Workload endpoint)
    {
        int agreed = 0;
        while (agreed < preference.Length && Agrees(preference[agreed], endpoint))
        {
            agreed++;
        }

        return agreed;
    }

    private bool Agrees(RoutingScope scope, Workload endpoint) => scope switch
    {
        RoutingScope.Region => Same(Region, endpoint.Locality.Region),
        RoutingScope.Zone => Same(Zone, endpoint.Locality.Zone),
        RoutingScope.Subzone => Same(Subzone, endpoint.Locality.Subzone),
        RoutingScope.Node => Node.Length > 0 && Same(Node, endpoint.Node),
        RoutingScope.Cluster => Same(ClusterId, endpoint.ClusterId),
        RoutingScope.Network => Same(Network, endpoint.Network),
        _ => false,
    };

    private static bool Same(string ours, string theirs) => string.Equals(ours, theirs, StringComparison.Ordinal);
}
