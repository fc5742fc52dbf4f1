using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Lab.Networking;

/// <summary>
/// The lab's address plan, the same in every lab because each lab has a network of its own:
/// nodes 10.0.0.N and fd00:10::N on the link between them, pods 10.1.N.P and fd00:10:1:N::P, services 10.96.0.0/16 and fd00:10:96::/112.
/// </summary>
internal static class LabAddresses
{
    public const int NodeCountMax = 200;

    /// <summary>What a pod's default route points at; every node answers to it on every pod's link.</summary>
    public const string PodGateway4 = "169.254.1.1";

    /// <inheritdoc cref="PodGateway4"/>
    public const string PodGateway6 = "fe80::1";

    public static AddressPair ControlPlane { get; } = Link(250);

    /// <summary>The lab's own address on the link, where its processes outside every node are.</summary>
    public static AddressPair Outside { get; } = Link(254);

    public static IPNetwork ServiceRange4 { get; } = IPNetwork.Parse("10.96.0.0/16");

    public static IPNetwork ServiceRange6 { get; } = IPNetwork.Parse("fd00:10:96::/112");

    public static AddressPair Node(int index) => Link(index);

    public static IPNetwork PodRange4(int nodeIndex) => new(Pod(nodeIndex, 0).V4, 24);

    public static IPNetwork PodRange6(int nodeIndex) => new(Pod(nodeIndex, 0).V6, 64);

    /// <param name="ordinal">2 to 254; 0 names the range itself.</param>
    public static AddressPair Pod(int nodeIndex, int ordinal)
    {
        Debug.Assert(nodeIndex is > 0 and <= NodeCountMax && ordinal is >= 0 and < 255, "The plan has no such pod.");
        return new AddressPair(new IPAddress([10, 1, (byte)nodeIndex, (byte)ordinal]), V6(1, nodeIndex, ordinal));
    }

    /// <param name="ordinal">1 to 65,534.</param>
    public static AddressPair Service(int ordinal)
    {
        Debug.Assert(ordinal is > 0 and < 65535, "The plan has no such service.");
        return new AddressPair(new IPAddress([10, 96, (byte)(ordinal >> 8), (byte)ordinal]), V6(0x96, 0, ordinal));
    }

    public static string FamilyName(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4";

    private static AddressPair Link(int host) => new(new IPAddress([10, 0, 0, (byte)host]), V6(0, 0, host));

    private static IPAddress V6(int third, int fourth, int host)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        bytes[0] = 0xfd;
        bytes[3] = 0x10;
        bytes[4] = (byte)(third >> 8);
        bytes[5] = (byte)third;
        bytes[6] = (byte)(fourth >> 8);
        bytes[7] = (byte)fourth;
        bytes[14] = (byte)(host >> 8);
        bytes[15] = (byte)host;
        return new IPAddress(bytes);
    }
}
