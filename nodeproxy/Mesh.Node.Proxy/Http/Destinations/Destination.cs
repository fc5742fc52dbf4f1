using System.Runtime.InteropServices;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>
/// What one node knows of one destination: what is under way to it, how its endpoints have answered, and how the next one is chosen. All
/// loops share it; choosing and counting take no lock and allocate nothing, which only the first choice after a change does. It stays the
/// same while configuration changes, and of it only what a change concerns is replaced.
/// </summary>
internal sealed class Destination
{
    /// <summary>Kinds of places clients of one node are in. One, nearly always.</summary>
    private const int TablesMax = 8;

    /// <summary>Time in which a use is not noted again, so that loops do not write one line in turn.</summary>
    private const long UseGrainMs = 1_000;

    /// <summary>How often success rates are worked out where nothing asks for another interval.</summary>
    private static readonly TimeSpan s_interval = new OutlierOptions().Interval;

    private readonly Lock _gate = new();
    private readonly DestinationTotals _totals;

    /// <summary>Under the gate.</summary>
    private readonly Dictionary<string, DestinationEndpoint> _endpoints = new(StringComparer.Ordinal);

    /// <summary>One for each place of clients; replaced whole, under the gate.</summary>
    private volatile CandidateTable[] _tables = [];
    private volatile TrafficPolicy _policy;
    private volatile OutlierPool? _outliers;
    private volatile bool _isAhead;
    private long _usedMs;
    private long _sweepDueMs;
    private PaddedTurn _turn;

    /// <param name="key">What it is.</param>
    /// <param name="policy">How requests are carried to it at first.</param>
    /// <param name="totals">What is counted for the whole node.</param>
    /// <param name="nowMs">The loops' milliseconds.</param>
    public Destination(DestinationKey key, TrafficPolicy policy, DestinationTotals totals, long nowMs)
    {
        Key = key;
        _policy = policy;
        _totals = totals;
        _outliers = PoolFor(policy);
        _usedMs = nowMs;
        _sweepDueMs = nowMs + (long)IntervalOf(policy).TotalMilliseconds;

        // Nodes must not all begin with the same endpoint.
        _turn.Number = Random.Shared.Next();
        Circuit = new Circuit(policy.Limits, totals);
    }

    public DestinationKey Key { get; }

    /// <summary>What is under way, against its limits.</summary>
    public Circuit Circuit { get; }

    /// <summary>How requests are carried, as last told.</summary>
    public TrafficPolicy Policy => _policy;

    /// <summary>Its endpoints as watched; null while nobody asks for that.</summary>
    public OutlierPool? Outliers => _outliers;

    /// <summary>When it was last used, good to a second.</summary>
    public long UsedMs => Volatile.Read(ref _usedMs);

    /// <summary>When <see cref="Sweep"/> has something to do next.</summary>
    public long SweepDueMs => Volatile.Read(ref _sweepDueMs);

    /// <summary>
    /// Whether endpoints were worked out on a loop, for a configuration nobody has compared it with yet: then <see cref="Refresh"/> is due.
    /// </summary>
    public bool NeedsRefresh => _isAhead;

    /// <summary>It is used, and not to be forgotten for a while.</summary>
    public void Touch(long nowMs)
    {
        if (nowMs - UsedMs >= UseGrainMs)
        {
            Volatile.Write(ref _usedMs, nowMs);
        }
    }

    /// <summary>Chooses an endpoint.</summary>
    /// <param name="request">Whom for.</param>
    /// <param name="counts">How busy workloads are, besides with what was begun through a <see cref="RequestLease"/>.</param>
    /// <param name="random">The caller's generator.</param>
    public EndpointPick Pick(scoped in PickRequest request, IOpenStreamCounts counts, ref RandomState random)
    {
        TrafficPolicy policy = _policy;
        CandidateSet candidates = CandidatesOf(request.Snapshot, request.Source);
        if (policy.Balancing.Algorithm == BalancingAlgorithm.Passthrough && IsKnown(candidates))
        {
            return new EndpointPick(new EndpointChoice { Status = EndpointStatus.Passthrough }, null);
        }

        if (candidates.Count == 0)
        {
            return new EndpointPick(new EndpointChoice { Status = candidates.Status }, null);
        }

        CandidateTable table = TableOf(candidates, request.Source, request.NowMs);
        var chooser = new EndpointChooser(
            table, policy.Balancing, LeavesOutEjected(table, policy.PanicPercent), request.Tried, request.NowMs);
        int chosen = chooser.Choose(request.Hash, counts, ref _turn.Number, ref random);
        return chosen == EndpointChooser.None
            ? new EndpointPick(new EndpointChoice { Status = EndpointStatus.NoHealthyEndpoint }, null)
            : new EndpointPick(candidates.ChoiceOf(chosen, request.Family), table.Endpoints[chosen]);
    }

    /// <summary>Whether requests of a client may be sent to an endpoint of it now.</summary>
    public bool IsUsable(MeshSnapshot snapshot, Workload source, long nowMs)
    {
        TrafficPolicy policy = _policy;
        CandidateSet candidates = CandidatesOf(snapshot, source);
        if (!MayBeUsable(candidates, policy) || candidates.Count == 0 || policy.Balancing.Algorithm == BalancingAlgorithm.Passthrough)
        {
            return MayBeUsable(candidates, policy);
        }

        CandidateTable table = TableOf(candidates, source, nowMs);
        return !LeavesOutEjected(table, policy.PanicPercent) || table.CountEjected() < candidates.Count;
    }

    /// <summary>Whether requests may be sent to candidates of which nothing more is known.</summary>
    public static bool MayBeUsable(CandidateSet candidates, TrafficPolicy policy) =>
        candidates.Status is EndpointStatus.Picked or EndpointStatus.Passthrough
        || (policy.Balancing.Algorithm == BalancingAlgorithm.Passthrough && IsKnown(candidates));

    /// <summary>Takes over what a configuration says. One thread at a time, off the loops, so that they find what they need.</summary>
    /// <param name="snapshot">The configuration in force.</param>
    /// <param name="policy">How it has requests carried.</param>
    /// <param name="isStillFor">Whether clients of a workload are still led to this destination, and to no other for its key.</param>
    /// <param name="nowMs">The loops' milliseconds.</param>
    public void Refresh(MeshSnapshot snapshot, TrafficPolicy policy, Func<Workload, bool> isStillFor, long nowMs)
    {
        lock (_gate)
        {
            bool wasAhead = _isAhead;
            _isAhead = false;
            OutlierOptions? before = _policy.Outliers;
            _policy = policy;
            Circuit.Limits = policy.Limits;
            if (policy.Outliers != before)
            {
                _outliers = PoolFor(policy);
                foreach (DestinationEndpoint endpoint in _endpoints.Values)
                {
                    endpoint.Outlier = _outliers?.Add(endpoint.Uid);
                }

                Volatile.Write(ref _sweepDueMs, nowMs + (long)IntervalOf(policy).TotalMilliseconds);
            }

            var shape = TableShape.Of(policy);
            CandidateTable[] tables =
            [
                .. _tables.Where(table => isStillFor(table.Source)).Select(table =>
                {
                    CandidateSet candidates = CandidatesOf(snapshot, table.Source);
                    return ReferenceEquals(candidates, table.Candidates) && shape.IsSame(table.Shape)
                        ? table
                        : Make(candidates, table.Source, shape, nowMs);
                }),
            ];

            // Most changes concern other destinations.
            if (wasAhead || !tables.SequenceEqual(_tables))
            {
                _tables = tables;
                ForgetThoseThatLeft();
            }
        }
    }

    /// <summary>Lets endpoints back in and compares them, when it is time for that. One thread at a time.</summary>
    public void Sweep(long nowMs)
    {
        if (nowMs < SweepDueMs)
        {
            return;
        }

        lock (_gate)
        {
            _outliers?.Sweep(nowMs);
            foreach (DestinationEndpoint endpoint in _endpoints.Values)
            {
                endpoint.EndInterval();
            }

            Volatile.Write(ref _sweepDueMs, nowMs + (long)IntervalOf(_policy).TotalMilliseconds);
        }
    }

    /// <summary>What is known of each endpoint, to show.</summary>
    public IReadOnlyList<DestinationEndpoint> ListEndpoints()
    {
        lock (_gate)
        {
            return [.. _endpoints.Values];
        }
    }

    private static bool IsKnown(CandidateSet candidates) => candidates.Status
        is not (EndpointStatus.UnknownService or EndpointStatus.UnknownPort or EndpointStatus.UnknownSubset);

    private static TimeSpan IntervalOf(TrafficPolicy policy) => policy.Outliers?.Interval ?? s_interval;

    private CandidateSet CandidatesOf(MeshSnapshot snapshot, Workload source) =>
        EndpointPicker.Find(snapshot, Key.ServiceKey, Key.Port, Key.Subset, source);

    private OutlierPool? PoolFor(TrafficPolicy policy) =>
        policy.Outliers is OutlierOptions options ? new OutlierPool(options, _totals) : null;

    private bool LeavesOutEjected(CandidateTable table, int panicPercent)
    {
        if (_outliers is not { EjectedCount: > 0 })
        {
            return false;
        }

        // Below the threshold those that are out do as well as those that are left, which would otherwise be overrun.
        int total = table.Candidates.Count;
        return panicPercent == 0 || 100L * (total - table.CountEjected()) >= (long)panicPercent * total;
    }

    private CandidateTable TableOf(CandidateSet candidates, Workload source, long nowMs) =>
        Find(_tables, candidates) ?? MakeAhead(candidates, source, nowMs);

    private static CandidateTable? Find(CandidateTable[] tables, CandidateSet candidates)
    {
        foreach (CandidateTable table in tables)
        {
            if (ReferenceEquals(table.Candidates, candidates))
            {
                return table;
            }
        }

        return null;
    }

    /// <summary>A loop needs what <see cref="Refresh"/> has not made yet, or clients are in a place where none were before.</summary>
    private CandidateTable MakeAhead(CandidateSet candidates, Workload source, long nowMs)
    {
        lock (_gate)
        {
            if (Find(_tables, candidates) is CandidateTable found)
            {
                return found;
            }

            CandidateTable[] tables = _tables;
            int before = Array.FindIndex(tables, table => table.IsFor(source));
            CandidateTable made = Make(candidates, source, TableShape.Of(_policy), before < 0 ? DestinationEndpoint.Established : nowMs);
            _isAhead = true;
            _tables = before >= 0
                ? [.. tables[..before], made, .. tables[(before + 1)..]]
                : [.. tables.Length < TablesMax ? tables : tables[1..], made];
            return made;
        }
    }

    /// <summary>Under the gate.</summary>
    /// <param name="candidates">The candidates.</param>
    /// <param name="source">A client of the place they are for.</param>
    /// <param name="shape">What they are made ready for.</param>
    /// <param name="usableSinceMs">Since when those that were not known may be used.</param>
    private CandidateTable Make(CandidateSet candidates, Workload source, TableShape shape, long usableSinceMs)
    {
        var endpoints = new DestinationEndpoint[candidates.Count];
        for (int i = 0; i < endpoints.Length; i++)
        {
            string uid = candidates[i].Uid;
            if (!_endpoints.TryGetValue(uid, out DestinationEndpoint? endpoint))
            {
                endpoint = new DestinationEndpoint(uid, usableSinceMs) { Outlier = _outliers?.Add(uid) };
                _endpoints.Add(uid, endpoint);
            }

            endpoints[i] = endpoint;
        }

        return new CandidateTable(source, candidates, endpoints, shape);
    }

    /// <summary>Under the gate.</summary>
    private void ForgetThoseThatLeft()
    {
        var present = new HashSet<DestinationEndpoint>(ReferenceEqualityComparer.Instance);
        foreach (CandidateTable table in _tables)
        {
            present.UnionWith(table.Endpoints.ToArray());
        }

        foreach ((string uid, DestinationEndpoint endpoint) in _endpoints)
        {
            if (!present.Contains(endpoint))
            {
                _endpoints.Remove(uid);
                if (endpoint.Outlier is OutlierEndpoint outlier)
                {
                    _outliers?.Remove(outlier);
                }
            }
        }
    }

    /// <summary>The number of the turn, which all loops write, on a line of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct PaddedTurn
    {
        [FieldOffset(128)]
        public long Number;
    }
}
