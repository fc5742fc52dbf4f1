using Mesh.Interop.Linux;
using Mesh.Node.Capture.Pods;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>The network namespace of a pod, as its processes have it.</summary>
/// <param name="processes">Where they are looked for.</param>
/// <param name="cgroupUid">As control groups name the pod.</param>
/// <param name="isStarted">Whether the API says that it has a network.</param>
internal sealed class ProcessNetwork(HostProcesses processes, string cgroupUid, bool isStarted) : IPodNetwork
{
    public NetNamespace Open()
    {
        try
        {
            return processes.Open(cgroupUid) ?? throw Missing();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CaptureException($"the host's processes cannot be read: {unreadable.Message}", unreadable);
        }
    }

    private Exception Missing() => isStarted
        ? new CaptureException("The pod has an address, but no process of it with a network of its own is found on this node.")
        : new PodNotStartedException("Nothing of the pod runs yet.");
}
