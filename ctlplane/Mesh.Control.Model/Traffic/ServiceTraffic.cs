using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;

namespace Mesh.Control.Model.Traffic;

/// <summary>How requests to one service are routed and carried. Immutable.</summary>
/// <param name="Service">Whose.</param>
/// <param name="Scopes">One for each namespace whose clients find something of their own, one for all others. Whole in themselves.</param>
public sealed record ServiceTraffic(ServiceKey Service, ImmutableArray<TrafficScope> Scopes);

/// <summary>What clients find at a service.</summary>
public sealed record TrafficScope
{
    /// <summary>The namespace of the clients; empty for those whose namespace has no scope.</summary>
    public required string ClientNamespace { get; init; }

    /// <summary>A port that is not here has no routes: requests go to the service itself.</summary>
    public ImmutableArray<PortRoutes> Ports { get; init; } = [];

    /// <summary>A port that is not here has none: connections whose requests nobody reads go to the service itself.</summary>
    public ImmutableArray<PortConnections> Connections { get; init; } = [];

    /// <summary>Of all endpoints.</summary>
    public PortPolicies Policies { get; init; } = PortPolicies.Default;

    public ImmutableArray<TrafficSubset> Subsets { get; init; } = [];
}

/// <summary>The routes of a port, in the order in which they are asked. With none that a request fulfils, it goes nowhere.</summary>
/// <param name="Port">1 to 65535.</param>
/// <param name="Routes">In order.</param>
public sealed record PortRoutes(int Port, ImmutableArray<Route> Routes);

/// <summary>The routes of connections to a port, in the order in which they are asked.</summary>
/// <param name="Port">1 to 65535.</param>
/// <param name="Routes">In order.</param>
public sealed record PortConnections(int Port, ImmutableArray<ConnectionRoute> Routes)
{
    /// <summary>Of a port that declares nothing: requests are not read there either, and go by these routes like anything else.</summary>
    public bool CarriesRequests { get; init; }
}

/// <summary>Some of a service's endpoints.</summary>
/// <param name="Name">As destinations name it.</param>
/// <param name="Key">As workloads name it: the same name can mean different endpoints to clients of different namespaces.</param>
/// <param name="Policies">Whole in themselves.</param>
public sealed record TrafficSubset(string Name, string Key, PortPolicies Policies);

/// <param name="Others">Of every port that has none of its own.</param>
/// <param name="ByPort">Whole in themselves, in the order of the ports.</param>
public sealed record PortPolicies(TrafficPolicy Others, ImmutableArray<PortPolicy> ByPort)
{
    public static PortPolicies Default { get; } = new(TrafficPolicy.Default, []);
}

/// <param name="Port">1 to 65535.</param>
/// <param name="Policy">Of that port alone.</param>
public sealed record PortPolicy(int Port, TrafficPolicy Policy);
