using System.Net;
using System.Net.Sockets;

namespace Mesh.Control.Keys;

/// <summary>
/// Where keys are never fetched from, whoever names the place: whoever may write a policy must not be able to ask in the control plane's
/// name what only its machine may ask.
/// </summary>
internal static class KeyAddresses
{
    /// <summary>Addresses at which clouds tell a machine its secrets, that are not link-local anyway.</summary>
    private static readonly IPAddress[] s_metadata =
    [
        IPAddress.Parse("100.100.100.200"), IPAddress.Parse("168.63.129.16"),
        IPAddress.Parse("fd20:ce::254"),
    ];

    private static readonly IPNetwork[] s_refused =
    [
        IPNetwork.Parse("0.0.0.0/8"), IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("169.254.0.0/16"), IPNetwork.Parse("224.0.0.0/3"),
        IPNetwork.Parse("::/127"), IPNetwork.Parse("fe80::/10"), IPNetwork.Parse("fec0::/10"), IPNetwork.Parse("ff00::/8"),

        // Of one cloud, for several services; and what an operator's own NAT64 may hide (RFC 8215).
        IPNetwork.Parse("fd00:ec2::/32"), IPNetwork.Parse("64:ff9b:1::/48"),
    ];

    /// <summary>
    /// Networks whose addresses hold one of IPv4 from a byte on: 6to4, NAT64's own prefix, and IPv4-compatible ones (RFC 3056, RFC 6052,
    /// RFC 4291).
    /// </summary>
    private static readonly (IPNetwork Network, int At)[] s_carrying =
        [(IPNetwork.Parse("2002::/16"), 2), (IPNetwork.Parse("64:ff9b::/96"), 12), (IPNetwork.Parse("::/96"), 12)];

    /// <summary>Loopback, link-local, multicast, nowhere, and where clouds have their metadata; also inside an address of IPv6.</summary>
    public static bool IsRefused(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        foreach ((IPNetwork network, int at) in s_carrying)
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6 && network.Contains(address)
                && IsRefused(new IPAddress(address.GetAddressBytes().AsSpan(at, 4))))
            {
                return true;
            }
        }

        return s_metadata.Contains(address) || s_refused.Any(network => network.Contains(address));
    }
}
