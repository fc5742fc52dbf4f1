using System.Collections.Concurrent;
using Mesh.Api.Identity;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Upstream;

/// <summary>
/// The tunnels of one pod's connections on one loop. No two pods share one, so what the far side sees is this pod and no other.
/// </summary>
/// <remarks>Lives on that loop.</remarks>
internal sealed class TunnelPool(EnrolledPod pod, LoopContext context)
{
    // Written by its loop, read by any: the admin pages list it.
    private readonly ConcurrentDictionary<TunnelKey, TunnelGroup> _groups = new();
    private bool _closed;

    /// <summary>What the pool holds, to show. Any thread.</summary>
    public IEnumerable<TunnelStatus> Describe() => _groups.Values.SelectMany(group => group.Describe());

    /// <summary>A tunnel with room for one more stream; waits while one is being made.</summary>
    /// <param name="key">Between whom.</param>
    /// <param name="accepted">Whom the far end may be.</param>
    /// <param name="besides">The tunnel that did not take the stream already: another is preferred. Null at the first attempt.</param>
    public ValueTask<TunnelOpenResult> GetAsync(TunnelKey key, AcceptedIdentities accepted, TunnelConnection? besides = null)
    {
        context.Loop.AssertOnThread();
        if (_closed)
        {
            return ValueTask.FromResult(new TunnelOpenResult(null, CloseReason.WorkloadRemoved, null));
        }

        if (!_groups.TryGetValue(key, out TunnelGroup? group))
        {
            group = new TunnelGroup(pod, context, key, accepted, OnGroupEmpty);
            _groups[key] = group;
        }

        return group.GetAsync(besides);
    }

    /// <summary>
    /// Lets go of tunnels whose far end is no longer what it was: streams on them were meant for that workload at that address with that
    /// identity. What runs is ended when the identity or address changed, and may finish when the workload only left the configuration.
    /// </summary>
    public void OnConfigurationChanged(MeshSnapshot snapshot)
    {
        foreach (TunnelGroup group in _groups.Values.ToArray())
        {
            Workload? current = snapshot.FindWorkload(group.Key.WorkloadUid);
            if (current is null)
            {
                group.BeginDrain();
            }
            else if (!group.IsStillFor(current))
            {
                group.Abort(CloseReason.WorkloadChanged, $"{current.Uid} changed its identity or address");
            }
        }
    }

    /// <summary>Verifies the peers of a trust domain again, after its roots or revocation lists were replaced.</summary>
    public void Recheck(TrustDomain domain, TlsTrust trust)
    {
        foreach (TunnelGroup group in _groups.Values.ToArray())
        {
            // A peer of ours is of our own trust domain.
            if (group.Key.Source.TrustDomain.Equals(domain))
            {
                group.Recheck(trust);
            }
        }
    }

    /// <summary>Says GOAWAY on every tunnel; running streams may end.</summary>
    public void BeginDrain()
    {
        foreach (TunnelGroup group in _groups.Values.ToArray())
        {
            group.BeginDrain();
        }
    }

    /// <summary>Ends every tunnel now, and for good.</summary>
    public void Abort(CloseReason reason)
    {
        _closed = true;
        foreach (TunnelGroup group in _groups.Values.ToArray())
        {
            group.Abort(reason, null);
        }
    }

    private void OnGroupEmpty(TunnelGroup group) => _groups.TryRemove(KeyValuePair.Create(group.Key, group));
}
