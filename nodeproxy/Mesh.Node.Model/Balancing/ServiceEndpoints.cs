using System.Collections.Immutable;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Balancing;

/// <summary>
/// A service together with the workloads that name it. The endpoints are immutable; what is worked out from them for a port and a scope is
/// kept beside them and found again by the next pick. Any thread.
/// </summary>
public sealed class ServiceEndpoints
{
    /// <summary>
    /// Scopes remembered for each port. A node's pods share one; more only with foreign networks or localities of their own.
    /// </summary>
    private const int ScopesMax = 8;

    /// <summary>Subsets remembered for each port, all endpoints among them.</summary>
    private const int SubsetsMax = 64;

    private readonly PortCandidates[] _ports;

    internal ServiceEndpoints(Service? service, ImmutableArray<Workload> endpoints)
    {
        Service = service;
        Endpoints = endpoints;
        _ports = service is null ? [] : [.. service.Ports.Select(port => new PortCandidates(port))];
    }

    /// <summary>Null while workloads name a service that has not arrived.</summary>
    public Service? Service { get; }

    /// <summary>In the order of their uids, whatever their health.</summary>
    public ImmutableArray<Workload> Endpoints { get; }

    /// <summary>The candidates for a port and a client; null when the service does not declare the port.</summary>
    /// <param name="port">The service's port.</param>
    /// <param name="subsetKey">The subset they must be in (<see cref="Traffic.TrafficSubset.Key"/>); empty for all endpoints.</param>
    /// <param name="source">The client's workload: its place decides what is near.</param>
    internal CandidateSet? CandidatesFor(ushort port, string subsetKey, Workload source)
    {
        foreach (PortCandidates candidates in _ports)
        {
            if (candidates.Port.Port == port)
            {
                return candidates.For(this, subsetKey, SourceScope.Of(source));
            }
        }

        return null;
    }

    private ImmutableArray<Workload> In(string subsetKey) => subsetKey.Length == 0
        ? Endpoints
        : Endpoints.RemoveAll(endpoint => endpoint.MembershipOf(Service!.Key)?.Subsets.Contains(subsetKey, StringComparer.Ordinal) != true);

    private sealed class PortCandidates(ServicePort port)
    {
        /// <summary>Of all endpoints first, then of subsets, in the order in which they were asked for. Replaced whole.</summary>
        private volatile SubsetCandidates[] _subsets = [new(port, "")];

        public ServicePort Port => port;

        public CandidateSet For(ServiceEndpoints owner, string subsetKey, SourceScope scope)
        {
            SubsetCandidates[] subsets = _subsets;
            foreach (SubsetCandidates known in subsets)
            {
                if (string.Equals(known.SubsetKey, subsetKey, StringComparison.Ordinal))
                {
                    return known.For(owner, scope);
                }
            }

            // Keys come from configuration alone, so there are few. What is lost to a race is worked out again.
            var created = new SubsetCandidates(port, subsetKey);
            _subsets = subsets.Length < SubsetsMax ? [.. subsets, created] : [subsets[0], created];
            return created.For(owner, scope);
        }
    }

    private sealed class SubsetCandidates(ServicePort port, string subsetKey)
    {
        /// <summary>Replaced whole, read by any thread. A set lost to a race is worked out again.</summary>
        private volatile CandidateSet[] _sets = [];

        public string SubsetKey => subsetKey;

        public CandidateSet For(ServiceEndpoints owner, SourceScope scope)
        {
            CandidateSet[] sets = _sets;
            foreach (CandidateSet set in sets)
            {
                if (set.Scope == scope)
                {
                    return set;
                }
            }

            var created = CandidateSet.Create(owner.Service!, port, owner.In(subsetKey).AsSpan(), scope);
            _sets = sets.Length < ScopesMax ? [.. sets, created] : [created];
            return created;
        }
    }
}
