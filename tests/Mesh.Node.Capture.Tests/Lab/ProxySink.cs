using System.Collections.Concurrent;
using Mesh.Node.Capture.Handover;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Node.Capture.Tests.Lab;

/// <summary>A proxy process in miniature: takes pods over by the real client and serves each with a <see cref="StandInProxy"/>.</summary>
internal sealed class ProxySink : IPodSink, IDisposable
{
    private readonly ConcurrentDictionary<string, (PodHandover Pod, StandInProxy Proxy)> _served = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public ProxySink(HandoverOptions handover)
    {
        Client = new HandoverClient(handover, this, NullLogger.Instance, TimeProvider.System);
        _running = Client.RunAsync(_stop.Token);
    }

    public HandoverClient Client { get; }

    /// <summary>Every call, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>What serves a pod.</summary>
    public StandInProxy ProxyOf(string uid) => _served[uid].Proxy;

    /// <summary>What was told of a pod.</summary>
    public PodHandover PodOf(string uid) => _served[uid].Pod;

    /// <summary>The same; null while the pod is not served.</summary>
    public PodHandover? Find(string uid) => _served.TryGetValue(uid, out (PodHandover Pod, StandInProxy Proxy) served) ? served.Pod : null;

    public bool Serves(string uid) => _served.ContainsKey(uid);

    public ValueTask<string?> AddAsync(PodHandover pod, CancellationToken cancellation)
    {
        Calls.Enqueue($"add {pod.Uid}");
        if (_served.ContainsKey(pod.Uid))
        {
            pod.Network.Dispose();
            return ValueTask.FromResult<string?>(null);
        }

        _served[pod.Uid] = (pod, new StandInProxy(pod.Network, pod.Details.CaptureMode));
        return ValueTask.FromResult<string?>(null);
    }

    public ValueTask RemoveAsync(string uid, CancellationToken cancellation)
    {
        Calls.Enqueue($"remove {uid}");
        if (_served.TryRemove(uid, out (PodHandover Pod, StandInProxy Proxy) served))
        {
            served.Proxy.Dispose();
            served.Pod.Network.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask SnapshotCompleteAsync(IReadOnlySet<string> uids, CancellationToken cancellation) => ValueTask.CompletedTask;

    public void Dispose() => _stop.Dispose();

    /// <summary>Everything of it goes at once, as when the process is killed.</summary>
    public async Task KillAsync()
    {
        foreach ((PodHandover pod, StandInProxy proxy) in _served.Values)
        {
            proxy.Dispose();
            pod.Network.Dispose();
        }

        await _stop.CancelAsync();
        await _running;
    }
}
