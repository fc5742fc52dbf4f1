using System.Collections.Concurrent;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Enforcement.Limits;

/// <summary>
/// What has been asked of the workloads of this node by the limits of their policies. Shared by all loops, so that together they let in no
/// more than each limit says. Any thread.
/// </summary>
internal sealed class RateLimiters(TimeProvider clock) : IRateLimitLister
{
    private readonly ConcurrentDictionary<Key, RateLimitState> _states = new();

    /// <summary>What the limits are measured by.</summary>
    public TimeProvider Clock => clock;

    /// <summary>What has been asked of a workload by a limit; begins anew where its rate was changed.</summary>
    public RateLimitState StateOf(Workload destination, CompiledRateLimit limit)
    {
        var key = new Key(destination.Uid, limit.Name.Policy!.Key, limit.Name.RuleIndex);
        while (true)
        {
            RateLimitState state = _states.GetOrAdd(
                key, static (_, made) => new RateLimitState(made.Limit, made.Clock), (limit.Limit, Clock: clock));
            if (state.Fits(limit.Limit))
            {
                return state;
            }

            var renewed = new RateLimitState(limit.Limit, clock);
            if (_states.TryUpdate(key, renewed, state))
            {
                return renewed;
            }
        }
    }

    /// <summary>Forgets what concerns workloads and limits that are gone.</summary>
    public void OnConfigurationChanged(MeshSnapshot snapshot)
    {
        foreach (Key key in _states.Keys)
        {
            if (snapshot.FindWorkload(key.WorkloadUid) is null
                || !snapshot.Policies.TryGet(key.Policy, out AuthorizationPolicy? policy)
                || key.Index >= policy.RateLimits.Length)
            {
                _states.TryRemove(key, out _);
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<RateLimitStatus> List() =>
    [
        .. _states
            .GroupBy(entry => (entry.Key.Policy, entry.Key.Index))
            .OrderBy(group => group.Key.Policy, StringComparer.Ordinal)
            .ThenBy(group => group.Key.Index)
            .Select(group => new RateLimitStatus(
                group.Key.Policy,
                group.Key.Index,
                group.Sum(entry => entry.Value.Passed),
                group.Sum(entry => entry.Value.Refused),
                group.Sum(entry => entry.Value.ClientCount))),
    ];

    private readonly record struct Key(string WorkloadUid, string Policy, int Index);
}

/// <summary>The limits that requests were measured by.</summary>
public interface IRateLimitLister
{
    /// <summary>All that this node's workloads have, by policy and place. Any thread.</summary>
    IReadOnlyList<RateLimitStatus> List();
}

/// <summary>What came of one limit, of all workloads of this node together.</summary>
/// <param name="Policy">namespace/name.</param>
/// <param name="Index">Its place in the policy, from 0.</param>
/// <param name="Passed">Requests that counted and were let in.</param>
/// <param name="Refused">Requests that were refused.</param>
/// <param name="Clients">Clients with an allowance of their own now.</param>
public sealed record RateLimitStatus(string Policy, int Index, long Passed, long Refused, int Clients);
