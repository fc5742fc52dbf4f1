using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Traffic;

/// <summary>
/// How requests to one service are routed and carried: what people have said of it, compiled. Immutable; any thread; lookups allocate
/// nothing. A service of which nothing was said has none of these, and everything is then as its defaults are.
/// </summary>
/// <remarks>
/// What holds can depend on the client's namespace: a rule may be exported to some namespaces alone, and a namespace may say for its own
/// clients what holds at a service of another. The control plane has worked that out: a scope is whole in itself.
/// </remarks>
public sealed class ServiceTraffic
{
    private readonly FrozenDictionary<string, TrafficScope> _scopes;
    private readonly TrafficScope _everyone;

    /// <param name="serviceKey">namespace/hostname.</param>
    /// <param name="everyone">What holds for clients whose namespace has no scope of its own.</param>
    /// <param name="scopes">What holds for clients of one namespace, by its name.</param>
    public ServiceTraffic(string serviceKey, TrafficScope everyone, IReadOnlyDictionary<string, TrafficScope>? scopes = null)
    {
        ServiceKey = serviceKey;
        _everyone = everyone;
        _scopes = scopes?.ToFrozenDictionary(StringComparer.Ordinal) ?? FrozenDictionary<string, TrafficScope>.Empty;
    }

    /// <summary>namespace/hostname of the service.</summary>
    public string ServiceKey { get; }

    /// <summary>What holds for clients whose namespace has no scope of its own.</summary>
    public TrafficScope Everyone => _everyone;

    /// <summary>What holds for clients of one namespace in place of <see cref="Everyone"/>, by its name.</summary>
    public IReadOnlyDictionary<string, TrafficScope> Scopes => _scopes;

    /// <summary>What holds for clients of a namespace.</summary>
    public TrafficScope ScopeOf(string clientNamespace) => _scopes.GetValueOrDefault(clientNamespace, _everyone);

    /// <summary>
    /// The routes of a port; null where nobody has made any, so that every request goes to the service itself. Where there are routes and a
    /// request fulfils none of them, it goes nowhere (404).
    /// </summary>
    public RouteTable? RoutesOf(ushort port, string clientNamespace) => ScopeOf(clientNamespace).RoutesOf(port);

    /// <summary>How requests are carried to a port's endpoints, or to a subset of them.</summary>
    /// <param name="port">The service's port.</param>
    /// <param name="subset">As a route names it; empty for all endpoints. One that is not known has the policy of all.</param>
    /// <param name="clientNamespace">The client's.</param>
    public TrafficPolicy PolicyOf(ushort port, string subset, string clientNamespace) =>
        ScopeOf(clientNamespace).PolicyOf(port, subset);

    public override string ToString() => ServiceKey;
}

/// <summary>What clients of one namespace, or of any, find at a service. Immutable; any thread.</summary>
public sealed class TrafficScope
{
    private readonly FrozenDictionary<ushort, RouteTable> _routes;
    private readonly FrozenDictionary<string, TrafficSubset> _subsets;
    private readonly FrozenDictionary<ushort, ImmutableArray<ConnectionRoute>> _connections;
    private readonly FrozenSet<ushort> _unread;

    /// <param name="routes">By the service's port.</param>
    /// <param name="policies">Of all endpoints.</param>
    /// <param name="subsets">By the name routes have for them.</param>
    /// <param name="connections">Routes of connections, in order, by the service's port; null for none.</param>
    /// <param name="unread">The ports whose requests go by those routes too; null for none.</param>
    public TrafficScope(
        IReadOnlyDictionary<ushort, RouteTable> routes,
        PortPolicies policies,
        IReadOnlyDictionary<string, TrafficSubset> subsets,
        IReadOnlyDictionary<ushort, ImmutableArray<ConnectionRoute>>? connections = null,
        IEnumerable<ushort>? unread = null)
    {
        _unread = unread?.ToFrozenSet() ?? FrozenSet<ushort>.Empty;
        _connections = connections?.ToFrozenDictionary() ?? FrozenDictionary<ushort, ImmutableArray<ConnectionRoute>>.Empty;
        _routes = routes.ToFrozenDictionary();
        Policies = policies;
        _subsets = subsets.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>No routes, no subsets, and defaults.</summary>
    public static TrafficScope Default { get; } = new(
        ImmutableDictionary<ushort, RouteTable>.Empty, PortPolicies.Default, ImmutableDictionary<string, TrafficSubset>.Empty);

    public IReadOnlyDictionary<ushort, RouteTable> Routes => _routes;

    public PortPolicies Policies { get; }

    public IReadOnlyDictionary<string, TrafficSubset> Subsets => _subsets;

    /// <summary>Routes of connections whose requests nobody reads, by the service's port.</summary>
    public IReadOnlyDictionary<ushort, ImmutableArray<ConnectionRoute>> Connections => _connections;

    /// <summary>The routes of connections to a port, in order; empty for none, so that all go to the service itself.</summary>
    public ImmutableArray<ConnectionRoute> ConnectionsOf(ushort port) =>
        _connections.TryGetValue(port, out ImmutableArray<ConnectionRoute> found) ? found : [];

    /// <summary>Whether requests at a port that declares nothing are not read, but go by the routes of connections.</summary>
    public bool IsUnread(ushort port) => _unread.Contains(port);

    /// <inheritdoc cref="ServiceTraffic.RoutesOf"/>
    public RouteTable? RoutesOf(ushort port) => _routes.GetValueOrDefault(port);

    /// <inheritdoc cref="ServiceTraffic.PolicyOf"/>
    public TrafficPolicy PolicyOf(ushort port, string subset) =>
        TryGetSubset(subset, out TrafficSubset? found) ? found.Policies.Of(port) : Policies.Of(port);

    /// <summary>Finds a subset by the name routes have for it.</summary>
    public bool TryGetSubset(string name, [NotNullWhen(true)] out TrafficSubset? subset) => _subsets.TryGetValue(name, out subset);
}

/// <summary>Some of a service's endpoints, under a name.</summary>
/// <param name="Name">As routes name it.</param>
/// <param name="Key">
/// As workloads name it that are in it (<see cref="Workloads.ServiceMembership.Subsets"/>): one name can mean different endpoints to
/// clients of different namespaces.
/// </param>
/// <param name="Policies">Of its endpoints: those of the service with what the subset says otherwise.</param>
public sealed record TrafficSubset(string Name, string Key, PortPolicies Policies);

/// <summary>Policies by port. Immutable; any thread.</summary>
public sealed class PortPolicies
{
    private readonly FrozenDictionary<ushort, TrafficPolicy> _byPort;

    /// <param name="others">Of every port that has none of its own.</param>
    /// <param name="byPort">Whole in themselves.</param>
    public PortPolicies(TrafficPolicy others, IReadOnlyDictionary<ushort, TrafficPolicy>? byPort = null)
    {
        Others = others;
        _byPort = byPort?.ToFrozenDictionary() ?? FrozenDictionary<ushort, TrafficPolicy>.Empty;
    }

    public static PortPolicies Default { get; } = new(TrafficPolicy.Default);

    /// <summary>Of every port that has none of its own.</summary>
    public TrafficPolicy Others { get; }

    public IReadOnlyDictionary<ushort, TrafficPolicy> ByPort => _byPort;

    public TrafficPolicy Of(ushort port) => _byPort.GetValueOrDefault(port, Others);
}
