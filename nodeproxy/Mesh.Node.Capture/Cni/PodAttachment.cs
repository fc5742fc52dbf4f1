using System.Net;

namespace Mesh.Node.Capture.Cni;

/// <summary>The network that a runtime has made for a pod. Immutable.</summary>
/// <param name="ContainerId">The runtime's name of the sandbox.</param>
/// <param name="InterfaceName">The interface inside.</param>
/// <param name="Network">The name of the runtime's network.</param>
/// <param name="Path">Where the agent finds the network namespace.</param>
/// <param name="Addresses">Those of the interface.</param>
internal sealed record PodAttachment(
    string ContainerId, string InterfaceName, string Network, string Path, IReadOnlyList<IPAddress> Addresses)
{
    /// <summary>Whether this is that interface of that sandbox.</summary>
    public bool Is(string containerId, string interfaceName) => (ContainerId, InterfaceName) == (containerId, interfaceName);

    /// <summary>Whether another is of the same sandbox, where it still is.</summary>
    public bool IsOfSameSandbox(PodAttachment other) => (ContainerId, Path) == (other.ContainerId, other.Path);
}
