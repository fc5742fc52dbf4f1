using System.Collections.Concurrent;
using Mesh.Node.Capture.Handover;

namespace Mesh.Node.Capture.Tests.Lab;

/// <summary>A proxy that serves pods by noting them.</summary>
internal sealed class RecordingSink : IPodSink, IDisposable
{
    private readonly ConcurrentDictionary<string, PodHandover> _served = new(StringComparer.Ordinal);

    /// <summary>Every call, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>What is served now.</summary>
    public IReadOnlyDictionary<string, PodHandover> Served => _served;

    /// <summary>What keeps a pod from being served; null when nothing does.</summary>
    public Func<PodHandover, string?> Obstacle { get; set; } = _ => null;

    public ValueTask<string?> AddAsync(PodHandover pod, CancellationToken cancellation)
    {
        string? obstacle = Obstacle(pod);
        Calls.Enqueue(obstacle is null ? $"add {pod.Uid}" : $"refuse {pod.Uid}");
        if (obstacle is not null)
        {
            pod.Network.Dispose();
            return ValueTask.FromResult<string?>(obstacle);
        }

        if (_served.TryRemove(pod.Uid, out PodHandover? earlier))
        {
            earlier.Network.Dispose();
        }

        _served[pod.Uid] = pod;
        return ValueTask.FromResult<string?>(null);
    }

    public ValueTask RemoveAsync(string uid, CancellationToken cancellation)
    {
        Calls.Enqueue($"remove {uid}");
        if (_served.TryRemove(uid, out PodHandover? pod))
        {
            pod.Network.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    public ValueTask SnapshotCompleteAsync(IReadOnlySet<string> uids, CancellationToken cancellation)
    {
        Calls.Enqueue($"complete {string.Join(',', uids.Order(StringComparer.Ordinal))}");
        return ValueTask.CompletedTask;
    }

    public void Dispose()
    {
        foreach (PodHandover pod in _served.Values)
        {
            pod.Network.Dispose();
        }
    }
}
