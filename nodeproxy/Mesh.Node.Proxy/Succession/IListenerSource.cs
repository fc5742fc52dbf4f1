namespace Mesh.Node.Proxy.Succession;

/// <summary>Where a pod's listeners may come from instead of being opened: the proxy that goes before this one.</summary>
public interface IListenerSource
{
    /// <summary>
    /// The listening sockets of a pod's namespace, the caller's to close; none when nobody has any. Waits for seconds at most.
    /// </summary>
    /// <param name="network">The namespace, by device and inode.</param>
    IReadOnlyList<PodListener> Take((ulong Device, ulong Inode) network);
}
