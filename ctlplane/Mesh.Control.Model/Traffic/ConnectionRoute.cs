using System.Collections.Immutable;
using System.Net;

namespace Mesh.Control.Model.Traffic;

/// <summary>A rule for connections whose requests nobody reads. Immutable.</summary>
/// <param name="Name">What people find it by.</param>
/// <param name="Matches">Of these one must hold; none at all holds for every connection.</param>
/// <param name="Destinations">At least one.</param>
public sealed record ConnectionRoute(
    string Name, ImmutableArray<ConnectionMatch> Matches, ImmutableArray<RouteDestination> Destinations)
{
    /// <summary>A destination without a usable endpoint, or without a service, keeps its share, which then fails.</summary>
    public bool KeepsUnusable { get; init; }
}

/// <summary>Conditions that must all hold. Immutable.</summary>
public sealed record ConnectionMatch
{
    /// <summary>Hosts that TLS asks for; *.x is any that ends so. None for whatever is said.</summary>
    public ImmutableArray<string> ServerNames { get; init; } = [];

    /// <summary>What the dialled address must be in; none for any.</summary>
    public ImmutableArray<IPNetwork> Destinations { get; init; } = [];

    public SourceCondition? Source { get; init; }
}
