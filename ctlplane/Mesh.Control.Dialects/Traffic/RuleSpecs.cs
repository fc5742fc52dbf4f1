using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>A rule for requests as one object writes it: names not yet resolved, labels not yet turned into workloads.</summary>
internal sealed record RuleSpec
{
    /// <summary>What people find it by.</summary>
    public required string Name { get; init; }

    /// <summary>None: it holds for every request.</summary>
    public required ImmutableArray<MatchSpec> Matches { get; init; }

    /// <summary>Where it stands in the object.</summary>
    public string Field { get; init; } = string.Empty;

    /// <summary>The object it is written in, where that is another than the one it holds for.</summary>
    public RawObject? Owner { get; init; }

    /// <summary>Whose rules take its place; null for none.</summary>
    public DelegateSpec? Delegate { get; init; }

    /// <summary>Of a rule that forwards, without its destinations and mirrors.</summary>
    public required RouteAction Action { get; init; }

    public ImmutableArray<DestinationSpec> Destinations { get; init; } = [];

    public ImmutableArray<MirrorSpec> Mirrors { get; init; } = [];

    public HeaderOperations RequestHeaders { get; init; } = HeaderOperations.None;

    public HeaderOperations ResponseHeaders { get; init; } = HeaderOperations.None;

    public CorsPolicy? Cors { get; init; }
}

/// <param name="Namespace">Of the VirtualService.</param>
/// <param name="Name">Its name.</param>
/// <param name="Field">Where it is named.</param>
internal sealed record DelegateSpec(string Namespace, string Name, string Field);

/// <param name="Match">Without who asks.</param>
/// <param name="Port">The service's port it is for; null for every one.</param>
/// <param name="SourceLabels">What the client's labels must have; null for any.</param>
/// <param name="SourceNamespace">The client's namespace; null for any.</param>
internal sealed record MatchSpec(RouteMatch Match, int? Port = null, Labels? SourceLabels = null, string? SourceNamespace = null)
{
    /// <summary>In Gateway API: of two matches of one kind of route, the one that ranks higher goes first.</summary>
    public (int First, int Second) Rank { get; init; }
}

/// <param name="Host">As written; null for what cannot be a destination.</param>
/// <param name="Namespace">Of a Kubernetes Service whose name the host is; null for a host name.</param>
/// <param name="Subset">Empty for all endpoints.</param>
/// <param name="Port">Null where it is left out.</param>
/// <param name="Weight">Its share is this over the sum of all.</param>
/// <param name="Field">Where it stands in the object.</param>
internal sealed record DestinationSpec(string? Host, string? Namespace, string Subset, int? Port, uint Weight, string Field)
{
    /// <summary>Sent in place of the route's; null for that.</summary>
    public string? Authority { get; init; }

    /// <summary>It is of another namespace than the route, and needs the leave of that one.</summary>
    public bool NeedsGrant { get; init; }

    public HeaderOperations RequestHeaders { get; init; } = HeaderOperations.None;

    public HeaderOperations ResponseHeaders { get; init; } = HeaderOperations.None;
}

internal sealed record MirrorSpec(DestinationSpec Destination, int PartsPerMillion);

/// <summary>Which namespaces' clients an object holds for. Empty: all.</summary>
internal sealed record ExportScope(ImmutableArray<string> Namespaces)
{
    public static ExportScope Everyone { get; } = new([]);

    public bool IsPublic => Namespaces.IsEmpty;

    public bool Includes(string @namespace) => IsPublic || Namespaces.Contains(@namespace, StringComparer.Ordinal);
}

internal sealed record VirtualServiceSpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset? CreatedAt { get; init; }

    /// <summary>As written; none for one that others delegate to.</summary>
    public required ImmutableArray<string> Hosts { get; init; }

    public bool IsDelegate => Hosts.IsEmpty;

    public required ExportScope ExportedTo { get; init; }

    public required ImmutableArray<RuleSpec> Rules { get; init; }

    /// <summary>Rules for connections whose requests nobody reads: those for TLS first.</summary>
    public ImmutableArray<ConnectionRuleSpec> Connections { get; init; } = [];
}

/// <summary>A rule for connections as one object writes it.</summary>
/// <param name="Name">What people find it by.</param>
/// <param name="IsTls">For connections in TLS; otherwise for those that are not.</param>
/// <param name="Matches">None: it holds for every connection.</param>
/// <param name="Destinations">At least one.</param>
internal sealed record ConnectionRuleSpec(
    string Name, bool IsTls, ImmutableArray<ConnectionMatchSpec> Matches, ImmutableArray<DestinationSpec> Destinations);

/// <param name="Client">The port it is for, and who asks.</param>
/// <param name="ServerNames">As written, in lower case.</param>
/// <param name="Blocks">What the dialled address must be in; none for any.</param>
internal sealed record ConnectionMatchSpec(MatchSpec Client, ImmutableArray<string> ServerNames, ImmutableArray<IPNetwork> Blocks);

internal sealed record DestinationRuleSpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset? CreatedAt { get; init; }

    /// <summary>As written.</summary>
    public required string Host { get; init; }

    public required ExportScope ExportedTo { get; init; }

    /// <summary>Null where nothing is said.</summary>
    public required PolicySpec? Policy { get; init; }

    public required ImmutableArray<SubsetSpec> Subsets { get; init; }
}

internal sealed record SubsetSpec(string Name, Labels Labels, PolicySpec? Policy);

/// <summary>What a trafficPolicy says; null for what it leaves to a wider one.</summary>
internal sealed record PolicySpec
{
    public BalancingPolicy? Balancing { get; init; }

    public ConnectionLimits? Limits { get; init; }

    public OutlierPolicy? Outliers { get; init; }

    /// <summary>Beside outlier detection.</summary>
    public int PanicPercent { get; init; }

    /// <summary>Null where nothing is said of localities.</summary>
    public bool? PrefersNear { get; init; }

    public RetryBudget? RetryBudget { get; init; }

    /// <summary>Null where nothing is said of TLS.</summary>
    public TlsSpec? Tls { get; init; }

    /// <summary>Whole in themselves: what they leave out is the default.</summary>
    public ImmutableArray<(int Port, PolicySpec Policy)> Ports { get; init; } = [];
}

/// <param name="Origination">Towards servers outside the mesh; null for none, which takes back what a wider policy says.</param>
internal sealed record TlsSpec(TlsOrigination? Origination);

/// <summary>A route's attachment to a Service.</summary>
/// <param name="Namespace">Of the Service.</param>
/// <param name="Service">Its name.</param>
/// <param name="Port">Null for every port.</param>
/// <param name="PortName">Of the port; null where it is not named.</param>
/// <param name="Field">Where it stands in the object.</param>
/// <param name="Reference">As written.</param>
internal sealed record ServiceParent(
    string Namespace, string Service, int? Port, string? PortName, string Field, ParentReference Reference);

/// <summary>In the order in which they are asked.</summary>
internal enum ServiceRouteKind
{
    Grpc,
    Http,
    Tls,
    Tcp,
}

/// <summary>A route of Gateway API, as far as it is attached to Services.</summary>
internal sealed record ServiceRouteSpec
{
    public required ServiceRouteKind Kind { get; init; }

    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required DateTimeOffset? CreatedAt { get; init; }

    public required ImmutableArray<ServiceParent> Parents { get; init; }

    /// <summary>Of an HTTPRoute or a GRPCRoute.</summary>
    public ImmutableArray<RuleSpec> Rules { get; init; } = [];

    /// <summary>Of a TLSRoute, one for each host, or a TCPRoute.</summary>
    public ImmutableArray<ConnectionRuleSpec> Connections { get; init; } = [];
}

/// <summary>A ReferenceGrant: who may refer from other namespaces to what is in its own.</summary>
internal sealed record ReferenceGrantSpec
{
    public required string Namespace { get; init; }

    public required ImmutableArray<(string Group, string Kind, string Namespace)> From { get; init; }

    /// <summary>A null name is every name.</summary>
    public required ImmutableArray<(string Group, string Kind, string? Name)> To { get; init; }
}
