using Mesh.Node.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>
/// The HTTP connections to upstreams that one pod's requests use on one loop. No two pods share one, so what an upstream sees is this pod
/// and no other.
/// </summary>
/// <remarks>Lives on that loop.</remarks>
internal sealed class UpstreamPool : ITimerHandler
{
    private static readonly TimeSpan s_sweepInterval = TimeSpan.FromSeconds(1);

    private readonly Dictionary<UpstreamKey, UpstreamGroup> _groups = [];
    private readonly List<UpstreamGroup> _sweeping = [];

    /// <summary>Groups that are kept for nobody any more, whose requests under way are still to be judged when policy changes.</summary>
    private readonly List<UpstreamGroup> _retired = [];
    private readonly LoopContext _context;
    private readonly BufferBudget _budget;
    private readonly EventLoop _loop;
    private readonly LoopTimer _sweep;
    private bool _isDraining;

    /// <param name="context">The loop.</param>
    /// <param name="budget">The pod's: what upstreams send and nobody has taken counts towards it.</param>
    public UpstreamPool(LoopContext context, BufferBudget budget)
    {
        _context = context;
        _budget = budget;
        _loop = context.Loop;
        _sweep = new LoopTimer(_loop, this);
    }

    /// <summary>Connections kept for further requests, of all keys.</summary>
    public int IdleCount => _groups.Values.Sum(group => group.IdleCount);

    /// <summary>The connections of a key; made when first asked for.</summary>
    /// <param name="key">Between whom.</param>
    /// <param name="endpoint">The workload of the key; null for an address outside the mesh.</param>
    /// <param name="service">The service of the key; null where none was asked for.</param>
    public UpstreamGroup GroupOf(in UpstreamKey key, Workload? endpoint, Service? service)
    {
        _loop.AssertOnThread();
        if (!_groups.TryGetValue(key, out UpstreamGroup? group))
        {
            group = key.IsHttp2
                ? new Http2Group(key, endpoint, service, _context, _budget)
                : new Http1Group(key, endpoint, service, _context);
            _groups[key] = group;
            if (_isDraining)
            {
                group.Close();
            }

            if (!_sweep.IsArmed)
            {
                _sweep.Arm(s_sweepInterval);
            }
        }

        return group;
    }

    /// <summary>Lets go of connections whose far end is no longer what it was when they were made.</summary>
    public void OnConfigurationChanged(MeshSnapshot snapshot)
    {
        foreach (UpstreamGroup group in _retired.ToArray())
        {
            group.JudgeOpenAgain();
        }

        foreach (UpstreamGroup group in _groups.Values.ToArray())
        {
            group.JudgeOpenAgain();
            if (!group.IsStillFor(snapshot))
            {
                Retire(group, isGone: group.Endpoint is not null && snapshot.FindWorkload(group.Key.Workload) is null);
            }
        }
    }

    /// <summary>Lets go of connections to one endpoint.</summary>
    public void CloseTowards(string @namespace, string workload)
    {
        foreach (UpstreamGroup group in _groups.Values.ToArray())
        {
            if (group.Endpoint is Workload endpoint && endpoint.Name == workload && endpoint.Namespace == @namespace)
            {
                Retire(group, isGone: false);
            }
        }
    }

    /// <summary>Keeps nothing any more, so that tunnels come to their end; requests go on.</summary>
    public void BeginDrain()
    {
        _isDraining = true;
        foreach (UpstreamGroup group in _groups.Values.ToArray())
        {
            group.Close();
        }
    }

    /// <summary>Closes what is kept, and keeps nothing of what is in use.</summary>
    public void Close()
    {
        foreach (UpstreamGroup group in _groups.Values.ToArray())
        {
            group.Close();
        }

        _groups.Clear();
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        // A sweep may end what waits, and what its client asks next may add a group.
        _sweeping.AddRange(_groups.Values);
        _sweeping.AddRange(_retired);
        foreach (UpstreamGroup group in _sweeping)
        {
            group.Sweep(_loop.NowMs);
            if (group.IsEmpty && _groups.TryGetValue(group.Key, out UpstreamGroup? known) && known == group)
            {
                group.Close();
                _groups.Remove(group.Key);
            }
        }

        _sweeping.Clear();
        _retired.RemoveAll(static group => !group.HasOpenRequests && group.WaitingCount == 0);
        if (_groups.Count > 0 || _retired.Count > 0)
        {
            _sweep.Arm(s_sweepInterval);
        }
    }

    /// <param name="group">Which is kept no longer.</param>
    /// <param name="isGone">Its endpoint is none of the mesh any more.</param>
    private void Retire(UpstreamGroup group, bool isGone)
    {
        _groups.Remove(group.Key);
        if (isGone)
        {
            group.CloseAsGone();
        }
        else
        {
            group.Close();
        }

        if (group.HasOpenRequests || group.WaitingCount > 0)
        {
            _retired.Add(group);
        }
    }
}
