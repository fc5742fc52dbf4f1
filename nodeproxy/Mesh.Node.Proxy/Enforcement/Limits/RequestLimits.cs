using System.Collections.Immutable;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Enforcement.Limits;

/// <summary>The limits that the requests of one connection count towards. Lives on its loop; asking allocates nothing.</summary>
internal sealed class RequestLimits(RateLimiters limiters)
{
    private Entry[] _entries = [];

    /// <summary>Whether there is none.</summary>
    public bool IsEmpty => _entries.Length == 0;

    /// <summary>Takes over what a configuration says.</summary>
    public void Renew(MeshSnapshot snapshot, Workload destination, in ConnectionFacts facts)
    {
        ImmutableArray<CompiledRateLimit> limits = PolicyEvaluator.RateLimitsOf(snapshot, destination);
        if (limits.IsEmpty)
        {
            _entries = [];
            return;
        }

        var entries = new Entry[limits.Length];
        for (int i = 0; i < entries.Length; i++)
        {
            RateLimitState state = limiters.StateOf(destination, limits[i]);
            entries[i] = new Entry { Limit = limits[i], State = state, Allowance = state.AllowanceOf(facts.Peer) };
        }

        _entries = entries;
    }

    /// <summary>
    /// Takes the allowance of a request from every limit it counts towards; false when one of them has none left, and then nothing is taken
    /// from any.
    /// </summary>
    public bool TryTake<TRequest>(in ConnectionFacts facts, in RequestOrigin origin, scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct
    {
        Entry[] entries = _entries;
        long nowTicks = limiters.Clock.GetTimestamp();
        for (int i = 0; i < entries.Length; i++)
        {
            ref Entry entry = ref entries[i];
            entry.HasTaken = false;
            if (!entry.Limit.Matches(in facts, in origin, in request))
            {
                continue;
            }

            if (entry.Allowance.IsRetired)
            {
                entry.Allowance = entry.State.AllowanceOf(facts.Peer);
            }

            entry.HasTaken = entry.Allowance.Bucket.TryTake(nowTicks);
            if (!entry.HasTaken)
            {
                entry.State.CountRefused();
                GiveBack(entries.AsSpan(0, i));
                return false;
            }
        }

        foreach (ref Entry entry in entries.AsSpan())
        {
            if (entry.HasTaken)
            {
                entry.State.CountPassed();
            }
        }

        return true;
    }

    private static void GiveBack(Span<Entry> entries)
    {
        foreach (ref Entry entry in entries)
        {
            if (entry.HasTaken)
            {
                entry.Allowance.Bucket.GiveBack();
            }
        }
    }

    private struct Entry
    {
        public CompiledRateLimit Limit;
        public RateLimitState State;
        public Allowance Allowance;

        /// <summary>Of the request that is asked about now.</summary>
        public bool HasTaken;
    }
}
