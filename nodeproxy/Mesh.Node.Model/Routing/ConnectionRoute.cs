using System.Collections.Immutable;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Routing;

/// <summary>A rule for connections whose requests nobody reads: which, and where they go. Immutable; any thread.</summary>
/// <param name="Name">As configured.</param>
/// <param name="Matches">Of these one must hold; none at all holds for every connection.</param>
/// <param name="Destinations">Where they go, by weight.</param>
public sealed record ConnectionRoute(string Name, ImmutableArray<ConnectionMatch> Matches, WeightedDestinations Destinations)
{
    /// <summary>Whether it is a connection's. No allocation.</summary>
    /// <param name="serverName">The host its TLS asks for, in lower case; null or empty for none.</param>
    /// <param name="destination">The address that was dialled.</param>
    /// <param name="source">The client's workload.</param>
    public bool IsFor(string? serverName, IpValue destination, Workload source)
    {
        foreach (ConnectionMatch match in Matches)
        {
            if (match.Holds(serverName, destination, source))
            {
                return true;
            }
        }

        return Matches.IsEmpty;
    }
}

/// <summary>Conditions on a connection that must all hold. Immutable; any thread.</summary>
public sealed class ConnectionMatch
{
    /// <summary>Hosts that TLS asks for, in lower case; <c>*.x</c> is any that ends so. None for whatever is said.</summary>
    public ImmutableArray<string> ServerNames { get; init; } = [];

    /// <summary>The blocks the dialled address must be in; null for any.</summary>
    public PrefixSet? Destinations { get; init; }

    /// <summary>Who asks; null for anybody.</summary>
    public SourceMatch? Source { get; init; }

    internal bool Holds(string? serverName, IpValue destination, Workload source) =>
        (ServerNames.IsEmpty || HasName(serverName))
        && (Destinations is null || Destinations.Contains(destination))
        && (Source is null || Source.Matches(source));

    private bool HasName(string? serverName)
    {
        if (string.IsNullOrEmpty(serverName))
        {
            return false;
        }

        foreach (string name in ServerNames)
        {
            if (name[0] == '*'
                ? serverName.Length >= name.Length && serverName.AsSpan().EndsWith(name.AsSpan(1), StringComparison.Ordinal)
                : string.Equals(name, serverName, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
