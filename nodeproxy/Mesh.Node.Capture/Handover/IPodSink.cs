namespace Mesh.Node.Capture.Handover;

/// <summary>What takes pods over: the proxy. Called by <see cref="HandoverClient"/>, one call at a time.</summary>
public interface IPodSink
{
    /// <summary>
    /// Serve this pod; answer when its listeners are open. May be called again for a pod that is served: with the same namespace when the
    /// agent or the connection to it has been restarted or details have changed, and after a failure.
    /// </summary>
    /// <param name="pod">Its namespace is the sink's to dispose, whatever the answer.</param>
    /// <param name="cancellation">The process ends.</param>
    /// <returns>Null when the pod is served, otherwise the reason it is not. It is then tried again.</returns>
    ValueTask<string?> AddAsync(PodHandover pod, CancellationToken cancellation);

    /// <summary>Stop serving this pod, if it is served; answer when that is done, within 4 seconds.</summary>
    ValueTask RemoveAsync(string uid, CancellationToken cancellation);

    /// <summary>The agent has named every pod there is. Others, if any are served, have been removed.</summary>
    ValueTask SnapshotCompleteAsync(IReadOnlySet<string> uids, CancellationToken cancellation);
}
