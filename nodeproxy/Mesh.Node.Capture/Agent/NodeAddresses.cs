using System.Net;
using System.Net.NetworkInformation;

namespace Mesh.Node.Capture.Agent;

/// <summary>
/// The node's own addresses, from which the kubelet probes pods: those of the options, else those of the network this process is in, which
/// are others once the bridge to the first pod has been made. Any thread.
/// </summary>
internal sealed class NodeAddresses(IReadOnlyList<IPAddress> given)
{
    // What the hand-over takes.
    private const int AddressesMax = 64;

    // Carries the addresses of all services where they are balanced by IPVS. None of them asks a pod anything.
    private const string ServicesInterface = "kube-ipvs0";

    /// <summary>As they are now.</summary>
    public IReadOnlyList<IPAddress> Current => given.Count > 0 ? given : Read();

    private static List<IPAddress> Read()
    {
        try
        {
            return
            [
                .. NetworkInterface.GetAllNetworkInterfaces()
                    .Where(device => device.Name != ServicesInterface)
                    .SelectMany(device => device.GetIPProperties().UnicastAddresses)
                    .Select(unicast => WithoutScope(unicast.Address))
                    .Where(address => !IPAddress.IsLoopback(address))
                    .Distinct()

                    // Last: each pod's end of a link on the host has one, and no probe comes from there while there is any other.
                    .OrderBy(address => address.IsIPv6LinkLocal)
                    .Take(AddressesMax),
            ];
        }
        catch (NetworkInformationException)
        {
            // An interface went while it was read: without addresses no probe is let through, until the next offer.
            return [];
        }
    }

    private static IPAddress WithoutScope(IPAddress address) =>
        address.IsIPv6LinkLocal ? new IPAddress(address.GetAddressBytes()) : address;
}
