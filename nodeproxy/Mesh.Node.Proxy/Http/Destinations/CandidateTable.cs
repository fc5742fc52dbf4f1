using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>
/// The candidates of a destination for clients of one place, with what the node knows of each, and made ready for the algorithm in force.
/// Immutable but for what the endpoints count; made anew when the candidates or the algorithm change. Any thread.
/// </summary>
internal sealed class CandidateTable
{
    private readonly DestinationEndpoint[] _endpoints;
    private readonly EndpointTier[] _tiers;

    /// <param name="source">A client of the place.</param>
    /// <param name="candidates">The candidates.</param>
    /// <param name="endpoints">What is known of each, in their order.</param>
    /// <param name="shape">What the tiers are made for.</param>
    public CandidateTable(Workload source, CandidateSet candidates, DestinationEndpoint[] endpoints, TableShape shape)
    {
        Source = source;
        Candidates = candidates;
        Shape = shape;
        _endpoints = endpoints;
        foreach (DestinationEndpoint endpoint in endpoints)
        {
            NewestMs = Math.Max(NewestMs, endpoint.UsableSinceMs);
        }

        _tiers =
        [
            .. Enumerable.Range(0, candidates.Count)
                .GroupBy(index => shape.PrefersNear ? DistanceOf(source.Locality, candidates[index].Locality) : 0)
                .OrderBy(tier => tier.Key)
                .Select(tier => new EndpointTier([.. tier], candidates, shape.Hash)),
        ];
    }

    /// <summary>A client of the place it is for.</summary>
    public Workload Source { get; }

    public CandidateSet Candidates { get; }

    /// <summary>What the tiers are made for.</summary>
    public TableShape Shape { get; }

    /// <summary>What is known of the candidates, in their order.</summary>
    public ReadOnlySpan<DestinationEndpoint> Endpoints => _endpoints;

    /// <summary>The candidates by how near they are, nearest first; all in one where that makes no difference.</summary>
    public ReadOnlySpan<EndpointTier> Tiers => _tiers;

    /// <summary>When the newest of the endpoints was first seen.</summary>
    public long NewestMs { get; } = DestinationEndpoint.Established;

    /// <summary>How many of the endpoints are left out for now.</summary>
    public int CountEjected()
    {
        int ejected = 0;
        foreach (DestinationEndpoint endpoint in _endpoints)
        {
            ejected += endpoint.IsEjected ? 1 : 0;
        }

        return ejected;
    }

    /// <summary>Whether clients of another workload find the same candidates.</summary>
    public bool IsFor(Workload source) =>
        ReferenceEquals(source, Source)
        || (source.Network == Source.Network && source.Locality == Source.Locality && source.Node == Source.Node
            && source.ClusterId == Source.ClusterId);

    /// <summary>0 for the same subzone, 1 for the same zone, 2 for the same region, 3 for farther away.</summary>
    private static int DistanceOf(Locality client, Locality endpoint)
    {
        if (!string.Equals(client.Region, endpoint.Region, StringComparison.Ordinal))
        {
            return 3;
        }

        if (!string.Equals(client.Zone, endpoint.Zone, StringComparison.Ordinal))
        {
            return 2;
        }

        return string.Equals(client.Subzone, endpoint.Subzone, StringComparison.Ordinal) ? 0 : 1;
    }
}

/// <summary>What of a policy decides how candidates are made ready.</summary>
/// <param name="PrefersNear">Near ones go first.</param>
/// <param name="Hash">How they are found by a hash; null where they are not.</param>
internal readonly record struct TableShape(bool PrefersNear, HashPolicy? Hash)
{
    public static TableShape Of(TrafficPolicy policy) => new(policy.PrefersNear, policy.Balancing.Hash);

    /// <summary>Whether what was made for one will do for the other: where a key comes from makes no difference.</summary>
    public bool IsSame(TableShape other) =>
        PrefersNear == other.PrefersNear && Hash is null == other.Hash is null
        && Hash?.Table == other.Hash?.Table && Hash?.TableSize == other.Hash?.TableSize;
}
