using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.Linux;

/// <summary>Goal: datagrams say where they came from and where they were going. Method: two sockets on loopback, in both families.</summary>
public sealed class DatagramsTests
{
    public static TheoryData<AddressFamily> Families { get; } = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    [Theory]
    [MemberData(nameof(Families))]
    public void A_datagram_tells_both_ends_and_can_be_answered(AddressFamily family)
    {
        using SocketHandle server = OpenOnLoopback(family);
        using SocketHandle client = OpenOnLoopback(family);
        Assert.True(SocketOptions.ReceiveOriginalDestination(server, family, true).Ok);
        DatagramAddress at = DatagramAddress.From(Sockets.LocalEndPoint(server));
        byte[] buffer = new byte[16];

        Assert.True(Datagrams.Receive(server, buffer, out _, out _).WouldBlock);
        Assert.Equal(3, Datagrams.SendTo(client, "who"u8, at).Count);
        DatagramAddress source = default;
        DatagramAddress original = default;
        Assert.Equal(3, Arrived(() => Datagrams.Receive(server, buffer, out source, out original)).Count);
        Assert.Equal("who"u8, buffer.AsSpan(0, 3));
        Assert.Equal(Sockets.LocalEndPoint(client), source.ToEndPoint());
        Assert.Equal(at, original);

        Assert.True(Datagrams.Connect(client, at).Ok);
        Assert.Equal(0, Datagrams.SendTo(server, [], source).Count);
        Assert.True(Arrived(() => Datagrams.Receive(client, buffer, out source, out original)).Ok);
        Assert.Equal(at, source);
        Assert.Equal(AddressFamily.Unspecified, original.Family);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Addresses_are_equal_when_all_their_parts_are(AddressFamily family)
    {
        DatagramAddress address = DatagramAddress.From(new IPEndPoint(Loopback(family), 53));
        Assert.Equal(53, address.Port);
        Assert.Equal(family, address.Family);
        Assert.Equal(new IPEndPoint(Loopback(family), 54), address.WithPort(54).ToEndPoint());
        Assert.Equal(address, address.WithPort(54).WithPort(53));
        Assert.Equal(address.GetHashCode(), address.WithPort(54).WithPort(53).GetHashCode());
        Assert.NotEqual(address, address.WithPort(54));
        Assert.NotEqual(address, default);
    }

    /// <summary>What has been sent arrives a moment later where the kernel has much to do.</summary>
    private static SysResult Arrived(Func<SysResult> receive)
    {
        SysResult received = default;
        SpinWait.SpinUntil(() => !(received = receive()).WouldBlock, TimeSpan.FromSeconds(30));
        return received;
    }

    private static IPAddress Loopback(AddressFamily family) => family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;

    private static SocketHandle OpenOnLoopback(AddressFamily family)
    {
        Assert.True(Datagrams.TryOpen(family, out SocketHandle? socket).Ok);
        Assert.True(Datagrams.Bind(socket!, DatagramAddress.From(new IPEndPoint(Loopback(family), 0))).Ok);
        return socket!;
    }
}
