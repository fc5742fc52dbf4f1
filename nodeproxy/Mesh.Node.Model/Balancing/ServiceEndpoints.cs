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
    internal CandidateSet? CandidatesFor(ushort port, Workload source)
    {
        foreach (PortCandidates candidates in _ports)
        {
            if (candidates.Port.Port == port)
            {
                return candidates.For(this, SourceScope.Of(source));
            }
        }

        return null;
    }

    private sealed class PortCandidates(ServicePort port)
    {
        /// <summary>Replaced whole, read by any thread. A set lost to a race is worked out again.</summary>
        private volatile CandidateSet[] _sets = [];

        public ServicePort Port => port;

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

            var created = CandidateSet.Create(owner.Service!, port, owner.Endpoints.AsSpan(), scope);
            _sets = sets.Length < ScopesMax ? [.. sets, created] : [created];
            return created;
        }
    }
}
