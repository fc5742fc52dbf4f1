using System.Net;
using System.Net.Sockets;

namespace Mesh.Lab.Networking;

/// <summary>One IPv4 and one IPv6 address of the same thing: everything in the lab has both.</summary>
public readonly record struct AddressPair(IPAddress V4, IPAddress V6)
{
    public IPAddress this[AddressFamily family] => family == AddressFamily.InterNetworkV6 ? V6 : V4;

    public override string ToString() => $"{V4}, {V6}";
}
