using System.Net;
using System.Net.Sockets;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Balancing;

/// <summary>
/// The endpoints clients of one scope choose from for one port of a service: health, networks, families and preference already applied, so
/// a pick costs the same for ten endpoints as for a thousand. Immutable; any thread.
/// </summary>
public sealed class CandidateSet
{
    private static readonly CandidateSet[] s_none =
        [.. Enum.GetValues<EndpointStatus>().Select(status => new CandidateSet(default, status, []))];

    private readonly Candidate[] _candidates;

    /// <summary>Running totals of the weights; null when all weigh the same.</summary>
    private readonly ulong[]? _weightTotals;

    private CandidateSet(SourceScope scope, EndpointStatus status, Candidate[] candidates)
    {
        Scope = scope;
        Status = status;
        _candidates = candidates;
        _weightTotals = WeightTotals(candidates);
    }

    internal SourceScope Scope { get; }

    /// <summary>What a pick from this set results in.</summary>
    public EndpointStatus Status { get; }

    /// <summary>Number of endpoints to choose from.</summary>
    public int Count => _candidates.Length;

    /// <summary>An endpoint by its place, from 0 to <see cref="Count"/> - 1; they are in the order of their uids.</summary>
    public Workload this[int index] => _candidates[index].Workload;

    /// <summary>The weight of an endpoint, at least 1.</summary>
    public uint WeightOf(int index) => _candidates[index].Weight;

    /// <summary>What choosing an endpoint comes to.</summary>
    /// <param name="index">Its place.</param>
    /// <param name="family">The family the client dialled; endpoints with both are reached over it.</param>
    public EndpointChoice ChoiceOf(int index, AddressFamily family)
    {
        ref readonly Candidate chosen = ref _candidates[index];
        return new EndpointChoice
        {
            Status = Status,
            Workload = chosen.Workload,
            Address = Status == EndpointStatus.Picked ? chosen.AddressFor(family) : null,
            TargetPort = chosen.TargetPort,
        };
    }

    /// <summary>No endpoint, for the reason given.</summary>
    internal static CandidateSet None(EndpointStatus status) => s_none[(int)status];

    /// <summary>
    /// Narrows the endpoints down. 1. Those that serve the port in a permitted family. 2. Those that are healthy and have capacity. 3.
    /// Those of the client's network, else those behind a gateway. 4. Those with an address, else those to resolve. 5. Those the service
    /// prefers: last, so that a preference never selects only what cannot be reached.
    /// </summary>
    internal static CandidateSet Create(Service service, ServicePort port, ReadOnlySpan<Workload> endpoints, SourceScope scope)
    {
        // 1.
        List<Candidate> serving = Serving(service, port, endpoints);
        if (serving.Count == 0)
        {
            return new CandidateSet(scope, EndpointStatus.NoEndpoint, []);
        }

        // 2.
        List<Candidate> usable = serving.FindAll(candidate =>
            candidate.Weight > 0 && (candidate.Workload.IsHealthy || service.LoadBalancing.AllowsUnhealthy));
        if (usable.Count == 0)
        {
            return new CandidateSet(scope, EndpointStatus.NoHealthyEndpoint, []);
        }

        // 3.
        List<Candidate> near = usable.FindAll(
            candidate => string.Equals(candidate.Workload.Network, scope.Network, StringComparison.Ordinal));
        if (near.Count == 0)
        {
            return BehindGateways(service.LoadBalancing, usable, scope);
        }

        // 4 and 5.
        List<Candidate> addressed = near.FindAll(candidate => candidate.HasAddress);
        bool needsResolution = addressed.Count == 0;
        return Preferred(
            service.LoadBalancing,
            needsResolution ? near : addressed,
            scope,
            needsResolution ? EndpointStatus.NeedsResolution : EndpointStatus.Picked);
    }

    /// <summary>Chooses by weight, twice, and takes the less busy one. No allocation.</summary>
    internal EndpointChoice Pick(AddressFamily family, IOpenStreamCounts counts, ref RandomState random)
    {
        if (_candidates.Length == 0)
        {
            return new EndpointChoice { Status = Status };
        }

        return ChoiceOf(_candidates.Length == 1 ? 0 : PickOfTwo(counts, ref random), family);
    }

    private int PickOfTwo(IOpenStreamCounts counts, ref RandomState random)
    {
        int first = DrawFirst(ref random);
        int second = DrawOther(first, ref random);

        // One more stream each: an idle endpoint of weight 3 is still better than an idle one of weight 1. Compared without division.
        ulong firstLoad = ((ulong)counts.OpenStreams(_candidates[first].Workload) + 1) * _candidates[second].Weight;
        ulong secondLoad = ((ulong)counts.OpenStreams(_candidates[second].Workload) + 1) * _candidates[first].Weight;
        return firstLoad <= secondLoad ? first : second;
    }

    private int DrawFirst(ref RandomState random) => _weightTotals is null
        ? (int)random.Next((ulong)_candidates.Length)
        : IndexAt(random.Next(_weightTotals[^1]));

    /// <summary>Draws from the others by cutting the first one's share out of the range.</summary>
    private int DrawOther(int first, ref RandomState random)
    {
        if (_weightTotals is null)
        {
            int drawn = (int)random.Next((ulong)_candidates.Length - 1);
            return drawn < first ? drawn : drawn + 1;
        }

        ulong firstWeight = _candidates[first].Weight;
        ulong firstStart = _weightTotals[first] - firstWeight;
        ulong position = random.Next(_weightTotals[^1] - firstWeight);
        return IndexAt(position < firstStart ? position : position + firstWeight);
    }

    private int IndexAt(ulong position)
    {
        // The share of candidate i ends before _weightTotals[i], so a position equal to it belongs to the next.
        int found = Array.BinarySearch(_weightTotals!, position);
        return found >= 0 ? found + 1 : ~found;
    }

    private static List<Candidate> Serving(Service service, ServicePort port, ReadOnlySpan<Workload> endpoints)
    {
        var serving = new List<Candidate>(endpoints.Length);
        foreach (Workload endpoint in endpoints)
        {
            ushort own = endpoint.MembershipOf(service.Key)?.TargetPortOf(port.Port) ?? 0;
            ushort target = own != 0 ? own : port.TargetPort;
            var candidate = new Candidate(endpoint, target, service.IpFamilies);
            if (target != 0 && (candidate.HasAddress || (endpoint.Addresses.IsEmpty && endpoint.Hostname is not null)))
            {
                serving.Add(candidate);
            }
        }

        return serving;
    }

    private static CandidateSet BehindGateways(LoadBalancing balancing, List<Candidate> usable, SourceScope scope)
    {
        List<Candidate> behind = usable.FindAll(candidate => candidate.Workload.NetworkGateway is not null);
        return behind.Count == 0
            ? new CandidateSet(scope, EndpointStatus.UnreachableNetwork, [])
            : Preferred(balancing, behind, scope, EndpointStatus.BehindNetworkGateway);
    }

    private static CandidateSet Preferred(LoadBalancing balancing, List<Candidate> candidates, SourceScope scope, EndpointStatus status)
    {
        if (balancing.Mode is not (LoadBalancingMode.Strict or LoadBalancingMode.Failover))
        {
            return new CandidateSet(scope, status, [.. candidates]);
        }

        int[] agreement = [.. candidates.Select(candidate => scope.AgreesIn(balancing.RoutingPreference.AsSpan(), candidate.Workload))];
        int required = balancing.Mode == LoadBalancingMode.Strict ? balancing.RoutingPreference.Length : agreement.Max();
        Candidate[] preferred = [.. candidates.Where((_, index) => agreement[index] >= required)];
        return new CandidateSet(scope, preferred.Length == 0 ? EndpointStatus.NoEndpointInScope : status, preferred);
    }

    private static ulong[]? WeightTotals(Candidate[] candidates)
    {
        if (Array.TrueForAll(candidates, candidate => candidate.Weight == candidates[0].Weight))
        {
            return null;
        }

        ulong[] totals = new ulong[candidates.Length];
        ulong total = 0;
        for (int index = 0; index < candidates.Length; index++)
        {
            totals[index] = total += candidates[index].Weight;
        }

        return totals;
    }

    private readonly struct Candidate
    {
        private readonly IPAddress? _addressIPv4;
        private readonly IPAddress? _addressIPv6;

        public Candidate(Workload workload, ushort targetPort, IpFamilies families)
        {
            Workload = workload;
            TargetPort = targetPort;
            _addressIPv4 = families == IpFamilies.IPv6Only ? null : FirstOf(workload, AddressFamily.InterNetwork);
            _addressIPv6 = families == IpFamilies.IPv4Only ? null : FirstOf(workload, AddressFamily.InterNetworkV6);
        }

        public Workload Workload { get; }

        public ushort TargetPort { get; }

        public uint Weight => Workload.Capacity;

        public bool HasAddress => _addressIPv4 is not null || _addressIPv6 is not null;

        public IPAddress? AddressFor(AddressFamily family) => family == AddressFamily.InterNetworkV6
            ? _addressIPv6 ?? _addressIPv4
            : _addressIPv4 ?? _addressIPv6;

        private static IPAddress? FirstOf(Workload workload, AddressFamily family)
        {
            foreach (IPAddress address in workload.Addresses)
            {
                if (address.AddressFamily == family)
                {
                    return address;
                }
            }

            return null;
        }
    }
}
