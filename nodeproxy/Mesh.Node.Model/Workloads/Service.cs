using System.Collections.Immutable;
using Mesh.Api.Identity;
using Mesh.Node.Model.Addresses;

namespace Mesh.Node.Model.Workloads;

/// <summary>
/// Something clients address: a name, virtual addresses and ports. Endpoints name their services, not the other way round.
/// </summary>
public sealed record Service
{
    public Service(string @namespace, string hostname)
    {
        Namespace = @namespace;
        Hostname = hostname;
        Key = KeyOf(@namespace, hostname);
    }

    /// <summary>namespace/hostname: the resource name, and how endpoints name it.</summary>
    public string Key { get; }

    public string Namespace { get; }

    /// <summary>Fully qualified; may be a wildcard (<c>*.example.com</c>).</summary>
    public string Hostname { get; }

    public required string Name { get; init; }

    /// <summary>Virtual addresses, each a block; a single address is a block of full length.</summary>
    public ImmutableArray<NetworkPrefix> Addresses { get; init; } = [];

    public ImmutableArray<ServicePort> Ports { get; init; } = [];

    /// <summary>Identities accepted at an endpoint besides the endpoint's own.</summary>
    public ImmutableArray<SpiffeId> SubjectAltNames { get; init; } = [];

    public LoadBalancing LoadBalancing { get; init; } = LoadBalancing.Default;

    public IpFamilies IpFamilies { get; init; }

    /// <summary>The one to prefer where several services have one address or hostname.</summary>
    public bool IsCanonical { get; init; }

    public ServiceVisibility Visibility { get; init; }

    /// <summary>How clients that dial none of its addresses reach it.</summary>
    public ServiceReach Reach { get; init; }

    /// <summary>Of the addresses that a name of an endpoint has, only the one named first is used.</summary>
    public bool TakesFirstAnswer { get; init; }

    /// <summary>Where traffic to this service must pass first. A path that cannot obey refuses by this name.</summary>
    public GatewayAddress? Waypoint { get; init; }

    /// <summary>Waypoints that share the traffic. A path that cannot obey refuses by this name.</summary>
    public ImmutableArray<WeightedWaypoint> WeightedWaypoints { get; init; } = [];

    public static string KeyOf(string @namespace, string hostname) => $"{@namespace}/{hostname}";

    /// <summary>Finds a declared port.</summary>
    public bool TryGetPort(ushort port, out ServicePort found)
    {
        foreach (ServicePort candidate in Ports)
        {
            if (candidate.Port == port)
            {
                found = candidate;
                return true;
            }
        }

        found = default;
        return false;
    }

    /// <summary>Whether an address is one of its own.</summary>
    public bool Owns(NetworkAddress address)
    {
        foreach (NetworkPrefix block in Addresses)
        {
            if (string.Equals(block.Network, address.Network, StringComparison.Ordinal) && block.Prefix.Contains(address.Address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True when a client of that namespace may see the service.</summary>
    public bool IsVisibleFrom(string clientNamespace) =>
        Visibility == ServiceVisibility.Public || string.Equals(clientNamespace, Namespace, StringComparison.Ordinal);

    public override string ToString() => Key;
}

/// <summary>How clients that dial none of a service's addresses reach it.</summary>
[Flags]
public enum ServiceReach
{
    /// <summary>Not at all.</summary>
    Addresses = 0,

    /// <summary>At its ports, by the host a request or a TLS client asks for.</summary>
    Names = 1,

    /// <summary>At its ports, with whatever is said there and is no request and no TLS for a name.</summary>
    Port = 2,
}

/// <summary>Who may see a service.</summary>
public enum ServiceVisibility
{
    Public,

    /// <summary>Only clients of the service's own namespace.</summary>
    Namespace,
}

/// <summary>The address families a service's endpoints are reached over.</summary>
public enum IpFamilies
{
    /// <summary>Whatever the endpoint has.</summary>
    Automatic,
    IPv4Only,
    IPv6Only,
    Dual,
}

/// <summary>How an endpoint is chosen.</summary>
/// <param name="RoutingPreference">Scopes to agree in with the client, most important first.</param>
/// <param name="Mode">What the preference means.</param>
/// <param name="AllowsUnhealthy">True when unhealthy endpoints take traffic too.</param>
public sealed record LoadBalancing(ImmutableArray<RoutingScope> RoutingPreference, LoadBalancingMode Mode, bool AllowsUnhealthy)
{
    public static LoadBalancing Default { get; } = new([], LoadBalancingMode.Any, AllowsUnhealthy: false);
}

/// <summary>What a routing preference means.</summary>
public enum LoadBalancingMode
{
    /// <summary>The preference is not looked at.</summary>
    Any,

    /// <summary>Only endpoints that agree in every scope.</summary>
    Strict,

    /// <summary>The endpoints that agree in the longest prefix of the scopes.</summary>
    Failover,

    /// <summary>To the address the client dialled: no choice is made.</summary>
    Passthrough,
}

/// <summary>Something a client and an endpoint may share.</summary>
public enum RoutingScope
{
    Region,
    Zone,
    Subzone,
    Node,
    Cluster,
    Network,
}
