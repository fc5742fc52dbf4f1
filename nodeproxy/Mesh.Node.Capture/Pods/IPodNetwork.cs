using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Pods;

/// <summary>Finds a pod's network namespace anew each time it is asked, where no path leads to it for good.</summary>
internal interface IPodNetwork
{
    /// <summary>Opens the namespace the pod has now. The caller owns it.</summary>
    /// <exception cref="PodNotStartedException">The pod has none yet, and nothing is wrong with that.</exception>
    /// <exception cref="CaptureException">It should have one, and none is found.</exception>
    /// <exception cref="PosixException">It cannot be opened.</exception>
    NetNamespace Open();
}
