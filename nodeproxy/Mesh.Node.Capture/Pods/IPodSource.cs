namespace Mesh.Node.Capture.Pods;

/// <summary>Names pods of this node that are to be captured.</summary>
internal interface IPodSource
{
    /// <summary>
    /// All of its pods: once they are known, and each time something changed. A pod of which nothing changed is the same object as before.
    /// Ends when cancelled, or when nothing will ever change.
    /// </summary>
    IAsyncEnumerable<IReadOnlyList<PodSpec>> WatchAsync(CancellationToken cancellation);
}
