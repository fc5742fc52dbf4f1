using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Balancing.Hashing;
using Mesh.Node.Model.Traffic;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>Endpoints that are equally near, ready to be drawn from. Immutable; any thread.</summary>
internal sealed class EndpointTier
{
    private readonly int[] _candidates;
    private readonly bool[] _allMarked = [];

    /// <summary>Running totals of the weights; null when all weigh the same.</summary>
    private readonly ulong[]? _weightTotals;

    /// <param name="candidates">Their places among the candidates; at least one.</param>
    /// <param name="set">The candidates.</param>
    /// <param name="hash">How they are found by a hash; null where they are not.</param>
    public EndpointTier(int[] candidates, CandidateSet set, HashPolicy? hash)
    {
        _candidates = candidates;
        foreach (int candidate in candidates)
        {
            WeightMax = Math.Max(WeightMax, set.WeightOf(candidate));
        }

        if (Array.Exists(candidates, candidate => set.WeightOf(candidate) != WeightMax))
        {
            ulong total = 0;
            _weightTotals = [.. candidates.Select(candidate => total += set.WeightOf(candidate))];
        }

        if (hash is not null)
        {
            HashedEndpoint[] endpoints =
                [.. candidates.Select(candidate => new HashedEndpoint(set[candidate].Uid, set.WeightOf(candidate)))];
            Hash = hash.Table == HashTableKind.Maglev
                ? MaglevTable.Create(endpoints, hash.TableSize)
                : HashRing.Create(endpoints, hash.TableSize);
            _allMarked = [.. candidates.Select(_ => true)];
        }
    }

    /// <summary>Their places among the candidates.</summary>
    public ReadOnlySpan<int> Candidates => _candidates;

    /// <summary>The weight of the heaviest.</summary>
    public uint WeightMax { get; }

    /// <summary>Finds them, by their place in <see cref="Candidates"/>, by a hash; null where nobody asks for that.</summary>
    public ConsistentHash? Hash { get; }

    /// <summary>As many marks as there are endpoints, each true, for <see cref="Hash"/>.</summary>
    public ReadOnlySpan<bool> AllMarked => _allMarked;

    /// <summary>Draws one by weight.</summary>
    /// <returns>Its place among the candidates.</returns>
    public int Draw(ref RandomState random)
    {
        if (_weightTotals is null)
        {
            return _candidates[random.Next((ulong)_candidates.Length)];
        }

        // The share of one ends before its total, so a position equal to it belongs to the next.
        int found = Array.BinarySearch(_weightTotals, random.Next(_weightTotals[^1]));
        return _candidates[found >= 0 ? found + 1 : ~found];
    }
}
