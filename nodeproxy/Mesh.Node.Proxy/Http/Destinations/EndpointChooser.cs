using System.Buffers;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Balancing.Hashing;
using Mesh.Node.Model.Traffic;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>
/// One choice among the candidates of a table: nearest tier first, never what is ejected, and what was tried only when nothing else is
/// left. Allocates nothing, and costs the same for ten endpoints as for a thousand while most of them may be chosen.
/// </summary>
internal readonly ref struct EndpointChooser
{
    /// <summary>What no candidate is.</summary>
    public const int None = -1;

    /// <summary>Draws that hit what may not be chosen, before all are looked at. Up to there each draw has the right shares too.</summary>
    private const int DrawsMax = 8;

    /// <summary>Endpoints up to which the marks of a hashed choice stand on the stack.</summary>
    private const int StackMarksMax = 4_096;

    /// <summary>No endpoint that is new gets a smaller part of its share, so that those that are all new get some.</summary>
    private const double ShareMin = 0.001;

    private readonly CandidateTable _table;
    private readonly BalancingPolicy _policy;
    private readonly WarmupPolicy? _warmup;
    private readonly ReadOnlySpan<DestinationEndpoint> _endpoints;
    private readonly ReadOnlySpan<DestinationEndpoint> _tried;
    private readonly long _nowMs;
    private readonly bool _leavesOutEjected;

    /// <param name="table">The candidates; at least one.</param>
    /// <param name="policy">How one is chosen; not <see cref="BalancingAlgorithm.Passthrough"/>.</param>
    /// <param name="leavesOutEjected">Whether those that are ejected are; false when none is, or too few would be left.</param>
    /// <param name="tried">Endpoints the request was tried at.</param>
    /// <param name="nowMs">The loop's milliseconds.</param>
    public EndpointChooser(
        CandidateTable table,
        BalancingPolicy policy,
        bool leavesOutEjected,
        ReadOnlySpan<DestinationEndpoint> tried,
        long nowMs)
    {
        _table = table;
        _policy = policy;
        _endpoints = table.Endpoints;
        _tried = tried;
        _nowMs = nowMs;
        _leavesOutEjected = leavesOutEjected;
        if (policy is { Warmup: WarmupPolicy warmup, Algorithm: BalancingAlgorithm.LeastRequest or BalancingAlgorithm.RoundRobin }
            && nowMs - table.NewestMs < warmup.Duration.TotalMilliseconds)
        {
            _warmup = warmup;
        }
    }

    /// <summary>Chooses.</summary>
    /// <param name="hash">What the request is hashed to; null when it has nothing to be hashed by, and may then go to any.</param>
    /// <param name="counts">How busy workloads are, besides what their endpoints have counted.</param>
    /// <param name="turn">Whose turn it is in a round; moved on.</param>
    /// <param name="random">The caller's generator.</param>
    /// <returns>Its place among the candidates; <see cref="None"/> when all are ejected.</returns>
    public int Choose(ulong? hash, IOpenStreamCounts counts, ref long turn, ref RandomState random)
    {
        if (_policy.Algorithm == BalancingAlgorithm.ConsistentHash && hash is ulong key)
        {
            foreach (EndpointTier tier in _table.Tiers)
            {
                if (tier.Hash is ConsistentHash table && ChooseByHash(tier, table, key) is int found and not None)
                {
                    return found;
                }
            }
        }

        if (!_tried.IsEmpty && ChooseNearest(avoidsTried: true, counts, ref turn, ref random) is int untried and not None)
        {
            return untried;
        }

        return ChooseNearest(avoidsTried: false, counts, ref turn, ref random);
    }

    private int ChooseNearest(bool avoidsTried, IOpenStreamCounts counts, ref long turn, ref RandomState random)
    {
        foreach (EndpointTier tier in _table.Tiers)
        {
            int chosen = _policy.Algorithm switch
            {
                BalancingAlgorithm.LeastRequest => ChooseLessBusy(tier, avoidsTried, counts, ref random),
                BalancingAlgorithm.RoundRobin => ChooseInTurn(tier, avoidsTried, ref turn, ref random),
                _ => Draw(tier, avoidsTried, None, ref random),
            };
            if (chosen != None)
            {
                return chosen;
            }
        }

        return None;
    }

    /// <summary>Of two drawn by weight, the one that has less under way for its weight.</summary>
    private int ChooseLessBusy(EndpointTier tier, bool avoidsTried, IOpenStreamCounts counts, ref RandomState random)
    {
        int first = Draw(tier, avoidsTried, None, ref random);
        int second = first == None ? None : Draw(tier, avoidsTried, first, ref random);
        if (second == None)
        {
            return first;
        }

        int underWayAtFirst = UnderWayAt(first, counts);
        int underWayAtSecond = UnderWayAt(second, counts);
        if (underWayAtFirst == 0 && underWayAtSecond == 0)
        {
            // The first was drawn by weight already: were idle ones weighed too, the light would get nothing from those who ask little.
            return first;
        }

        // With this request: one that has 1 and weighs 10 is still better than an idle one that weighs 1.
        return (underWayAtFirst + 1) / WeightOf(first) <= (underWayAtSecond + 1) / WeightOf(second) ? first : second;
    }

    private int UnderWayAt(int candidate, IOpenStreamCounts counts) =>
        _endpoints[candidate].Active + counts.OpenStreams(_table.Candidates[candidate]);

    /// <summary>
    /// In rounds, in which each has the turns of its part of the greatest weight, spread evenly over the rounds. Nothing but the number of
    /// the turn is remembered, so that any number of loops take turns together.
    /// </summary>
    private int ChooseInTurn(EndpointTier tier, bool avoidsTried, ref long turn, ref RandomState random)
    {
        // Turns that nobody can take must not be used up: as many each time, they would always leave off at the same endpoint.
        if (!HasAny(tier, avoidsTried))
        {
            return None;
        }

        // The heaviest has a turn in every round: only where it may not be chosen can this take more steps and come to nothing.
        ReadOnlySpan<int> members = tier.Candidates;
        for (long left = (2L * members.Length) + DrawsMax; left > 0; left--)
        {
            (ulong round, ulong place) = Math.DivRem((ulong)Interlocked.Increment(ref turn), (ulong)members.Length);
            int candidate = members[(int)place];
            if (HasTurn(round, place, _table.Candidates.WeightOf(candidate), tier.WeightMax)
                && MayBeChosen(candidate, avoidsTried)
                && IsWarmEnough(candidate, ref random))
            {
                return candidate;
            }
        }

        return DrawAmongAll(tier, avoidsTried, None, ref random);
    }

    private static bool HasTurn(ulong round, ulong place, ulong weight, ulong weightMax)
    {
        // Out of step with each other by the golden ratio, or those of one weight would all have their turns in the same rounds.
        ulong phase = (place * 0x9E37_79B9 % (1UL << 32) * weightMax) >> 32;
        return ((round % weightMax * weight) + phase) % weightMax >= weightMax - weight;
    }

    private int ChooseByHash(EndpointTier tier, ConsistentHash table, ulong key)
    {
        ReadOnlySpan<int> members = tier.Candidates;
        if (!_leavesOutEjected)
        {
            return members[table.Pick(key, tier.AllMarked)];
        }

        bool[]? rented = members.Length > StackMarksMax ? ArrayPool<bool>.Shared.Rent(members.Length) : null;
        Span<bool> marks = rented ?? stackalloc bool[members.Length];
        for (int i = 0; i < members.Length; i++)
        {
            marks[i] = !_endpoints[members[i]].IsEjected;
        }

        int found = table.Pick(key, marks);
        if (rented is not null)
        {
            ArrayPool<bool>.Shared.Return(rented);
        }

        return found == ConsistentHash.None ? None : members[found];
    }

    private int Draw(EndpointTier tier, bool avoidsTried, int besides, ref RandomState random)
    {
        for (int left = DrawsMax; left > 0; left--)
        {
            int drawn = tier.Draw(ref random);
            if (drawn != besides && MayBeChosen(drawn, avoidsTried) && IsWarmEnough(drawn, ref random))
            {
                return drawn;
            }
        }

        return DrawAmongAll(tier, avoidsTried, besides, ref random);
    }

    /// <summary>Looks at all: each takes the place of the one before it by its share of the weight so far.</summary>
    private int DrawAmongAll(EndpointTier tier, bool avoidsTried, int besides, ref RandomState random)
    {
        double total = 0;
        int drawn = None;
        foreach (int candidate in tier.Candidates)
        {
            if (candidate != besides && MayBeChosen(candidate, avoidsTried))
            {
                double weight = WeightOf(candidate);
                total += weight;
                drawn = drawn == None || NextShare(ref random) * total < weight ? candidate : drawn;
            }
        }

        return drawn;
    }

    private bool HasAny(EndpointTier tier, bool avoidsTried)
    {
        foreach (int candidate in tier.Candidates)
        {
            if (MayBeChosen(candidate, avoidsTried))
            {
                return true;
            }
        }

        return false;
    }

    private bool MayBeChosen(int candidate, bool avoidsTried)
    {
        DestinationEndpoint endpoint = _endpoints[candidate];
        if (_leavesOutEjected && endpoint.IsEjected)
        {
            return false;
        }

        if (avoidsTried)
        {
            foreach (DestinationEndpoint tried in _tried)
            {
                if (ReferenceEquals(tried, endpoint))
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>By chance, as often as its part of its share is.</summary>
    private bool IsWarmEnough(int candidate, ref RandomState random) =>
        _warmup is null || ShareOf(_warmup, candidate) is var share && (share >= 1 || NextShare(ref random) < share);

    private double WeightOf(int candidate) =>
        _table.Candidates.WeightOf(candidate) * (_warmup is null ? 1 : ShareOf(_warmup, candidate));

    /// <summary>The part of its share that an endpoint gets, which is less than 1 while it is new.</summary>
    private double ShareOf(WarmupPolicy warmup, int candidate)
    {
        double age = (_nowMs - _endpoints[candidate].UsableSinceMs) / warmup.Duration.TotalMilliseconds;
        return age >= 1
            ? 1
            : Math.Max(Math.Pow(Math.Max(age, 0), 1 / warmup.Aggression), Math.Max(warmup.MinimumPercent / 100, ShareMin));
    }

    /// <summary>From 0 up to 1, without it.</summary>
    private static double NextShare(ref RandomState random) => (random.Next() >> 11) * (1.0 / (1UL << 53));
}
