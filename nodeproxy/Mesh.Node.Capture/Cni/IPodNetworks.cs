using Mesh.Node.Capture.Pods;

namespace Mesh.Node.Capture.Cni;

/// <summary>What the runtime's requests do to pods. Safe on any thread.</summary>
internal interface IPodNetworks
{
    /// <summary>How many proxies are connected.</summary>
    int Proxies { get; }

    /// <summary>Captures a pod in a namespace, and waits until its rules are read back right and a proxy listens in it.</summary>
    /// <param name="pod">As it is to be captured.</param>
    /// <param name="attachment">How the runtime made it.</param>
    /// <param name="limit">How long to wait.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="CniRefusal">It is not captured; the pod stays wanted.</exception>
    Task AttachAsync(PodSpec pod, PodAttachment attachment, TimeSpan limit, CancellationToken cancellation);

    /// <summary>Reads a pod's rules back, and waits until they are right and a proxy listens.</summary>
    /// <param name="uid">The pod.</param>
    /// <param name="path">Where the agent finds its namespace.</param>
    /// <param name="limit">How long to wait.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="CniRefusal">They are not, or the pod is not captured at all.</exception>
    Task CheckAsync(string uid, string path, TimeSpan limit, CancellationToken cancellation);

    /// <summary>Lets a pod go, if that is the attachment it was captured by.</summary>
    /// <param name="containerId">The runtime's name of the sandbox.</param>
    /// <param name="interfaceName">The interface inside.</param>
    /// <param name="path">Where the agent finds the namespace; null where the runtime named none.</param>
    /// <param name="limit">How long to wait for the proxy to let go.</param>
    /// <param name="cancellation">Ends the wait.</param>
    Task DetachAsync(string containerId, string interfaceName, string? path, TimeSpan limit, CancellationToken cancellation);

    /// <summary>Lets go of what the runtime no longer knows.</summary>
    /// <param name="network">The name of the runtime's network.</param>
    /// <param name="containerIds">Every sandbox that is valid in it.</param>
    void Prune(string network, IReadOnlySet<string> containerIds);
}
