using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Pods;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>
/// The network namespace of a pod, as its processes have it. It must have one of the pod's addresses: neither what a pod says of itself nor
/// what its processes have entered makes another's network its own.
/// </summary>
/// <param name="processes">Where they are looked for.</param>
/// <param name="cgroupUid">As control groups name the pod.</param>
/// <param name="isStatic">That name is no UID of the API server's, so that without an address nothing says whose network it is.</param>
/// <param name="addresses">As the API server has them; none while the pod begins.</param>
internal sealed class ProcessNetwork(
    HostProcesses processes, string cgroupUid, bool isStatic, IReadOnlyList<IPAddress> addresses) : IPodNetwork
{
    public NetNamespace Open()
    {
        try
        {
            NetNamespace network = processes.Open(cgroupUid) ?? throw Missing();
            if (IsOfThePod(network))
            {
                return network;
            }

            network.Dispose();
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            throw new CaptureException($"the host's processes cannot be read: {unreadable.Message}", unreadable);
        }

        throw addresses.Count == 0
            ? new PodNotStartedException("The pod has no address yet.")
            : new CaptureException($"The network of the pod's processes has none of its addresses, {string.Join(", ", addresses)}.");
    }

    private bool IsOfThePod(NetNamespace network) => addresses.Count == 0
        ? !isStatic
        : network.Run(addresses, static own => own.Any(Has));

    /// <summary>Whether an address is one of the calling thread's network.</summary>
    private static bool Has(IPAddress address)
    {
        try
        {
            using var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private Exception Missing() => addresses.Count > 0
        ? new CaptureException("The pod has an address, but no process of it with a network of its own is found on this node.")
        : new PodNotStartedException("Nothing of the pod runs yet.");
}
