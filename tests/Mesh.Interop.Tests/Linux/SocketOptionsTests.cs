using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mesh.Interop.Linux;
using Mesh.Testing;
using Tmds.Linux;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.Linux;

/// <summary>Method: each option is set through the façade and read back from the kernel by its number, or by what it does.</summary>
public sealed class SocketOptionsTests
{
    [Fact]
    public void A_switch_is_turned_on_and_off()
    {
        using SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetworkV6);
        foreach (bool on in (bool[])[true, false])
        {
            SocketOptions.NoDelay(socket, on).OrThrow("TCP_NODELAY");
            SocketOptions.ReusePort(socket, on).OrThrow("SO_REUSEPORT");
            SocketOptions.ReuseAddress(socket, on).OrThrow("SO_REUSEADDR");
            SocketOptions.IPv6Only(socket, on).OrThrow("IPV6_V6ONLY");
            SocketOptions.BindAddressNoPort(socket, on).OrThrow("IP_BIND_ADDRESS_NO_PORT");
            SocketOptions.Freebind(socket, AddressFamily.InterNetworkV6, on).OrThrow("IPV6_FREEBIND");

            int expected = on ? 1 : 0;
            Assert.Equal(expected, Read(socket, LibC.SOL_TCP, LibC.TCP_NODELAY));
            Assert.Equal(expected, Read(socket, LibC.SOL_SOCKET, LibC.SO_REUSEPORT));
            Assert.Equal(expected, Read(socket, LibC.SOL_SOCKET, LibC.SO_REUSEADDR));
            Assert.Equal(expected, Read(socket, LibC.SOL_IPV6, LibC.IPV6_V6ONLY));
            Assert.Equal(expected, Read(socket, LibC.SOL_IP, LibC.IP_BIND_ADDRESS_NO_PORT));
            Assert.Equal(expected, Read(socket, LibC.SOL_IPV6, LibC.IPV6_FREEBIND));
        }
    }

    [Theory]
    [InlineData(AddressFamily.InterNetwork, "192.0.2.1")]
    [InlineData(AddressFamily.InterNetworkV6, "2001:db8::1")]
    public void Freebind_binds_an_address_that_no_interface_has(AddressFamily family, string address)
    {
        using SocketHandle socket = Sockets.OpenTcp(family);
        var nowhere = new IPEndPoint(IPAddress.Parse(address), 0);

        Assert.Equal(Errno.EADDRNOTAVAIL, Sockets.Bind(socket, nowhere).Error);
        SocketOptions.Freebind(socket, family, on: true).OrThrow("FREEBIND");
        Assert.True(Sockets.Bind(socket, nowhere).Ok);
    }

    [Fact]
    public void Keep_alive_sets_all_four_of_its_options()
    {
        using SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetwork);

        SocketOptions.KeepAlive(socket, idleSeconds: 30, intervalSeconds: 7, count: 4).OrThrow("keep-alive");

        Assert.Equal(1, Read(socket, LibC.SOL_SOCKET, LibC.SO_KEEPALIVE));
        Assert.Equal(30, Read(socket, LibC.SOL_TCP, LibC.TCP_KEEPIDLE));
        Assert.Equal(7, Read(socket, LibC.SOL_TCP, LibC.TCP_KEEPINTVL));
        Assert.Equal(4, Read(socket, LibC.SOL_TCP, LibC.TCP_KEEPCNT));
    }

    [Theory]
    [InlineData(0, 1, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(1, 1, 0)]
    [InlineData(1, 1, 128)]
    [InlineData(32_768, 1, 1)]
    public void Keep_alive_out_of_range_is_refused_and_leaves_probing_off(int idleSeconds, int intervalSeconds, int count)
    {
        using SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetwork);

        Assert.Equal(Errno.EINVAL, SocketOptions.KeepAlive(socket, idleSeconds, intervalSeconds, count).Error);
        Assert.Equal(0, Read(socket, LibC.SOL_SOCKET, LibC.SO_KEEPALIVE));
    }

    [Fact]
    public void A_user_timeout_is_in_milliseconds()
    {
        using SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetwork);

        SocketOptions.UserTimeout(socket, TimeSpan.FromSeconds(1.5)).OrThrow("TCP_USER_TIMEOUT");

        Assert.Equal(1_500, Read(socket, LibC.SOL_TCP, LibC.TCP_USER_TIMEOUT));
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketOptions.UserTimeout(socket, TimeSpan.FromMilliseconds(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketOptions.UserTimeout(socket, TimeSpan.FromDays(30)));
    }

    [Fact]
    public void An_accepted_socket_has_the_options_of_its_listener()
    {
        using SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
        SocketOptions.NoDelay(listening, true).OrThrow("TCP_NODELAY");
        SocketOptions.KeepAlive(listening, idleSeconds: 30, intervalSeconds: 7, count: 4).OrThrow("keep-alive");
        SocketOptions.UserTimeout(listening, TimeSpan.FromSeconds(1.5)).OrThrow("TCP_USER_TIMEOUT");
        SocketOptions.ResetOnClose(listening).OrThrow("SO_LINGER");
        Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
        Sockets.Listen(listening, 1).OrThrow("listen");
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(Sockets.LocalEndPoint(listening));

        using (SocketHandle accepted = TcpPair.Accept(listening, out _))
        {
            Assert.Equal(1, Read(accepted, LibC.SOL_TCP, LibC.TCP_NODELAY));
            Assert.Equal(1, Read(accepted!, LibC.SOL_SOCKET, LibC.SO_KEEPALIVE));
            Assert.Equal(30, Read(accepted!, LibC.SOL_TCP, LibC.TCP_KEEPIDLE));
            Assert.Equal(7, Read(accepted!, LibC.SOL_TCP, LibC.TCP_KEEPINTVL));
            Assert.Equal(4, Read(accepted!, LibC.SOL_TCP, LibC.TCP_KEEPCNT));
            Assert.Equal(1_500, Read(accepted!, LibC.SOL_TCP, LibC.TCP_USER_TIMEOUT));
        }

        Assert.Equal(SocketError.ConnectionReset, Assert.Throws<SocketException>(() => client.Receive(new byte[1])).SocketErrorCode);
    }

    [Fact]
    public void Buffers_are_counted_double_by_the_kernel()
    {
        using SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetwork);

        SocketOptions.SendBufferBytes(socket, 32 * 1_024).OrThrow("SO_SNDBUF");
        SocketOptions.ReceiveBufferBytes(socket, 48 * 1_024).OrThrow("SO_RCVBUF");

        SocketOptions.GetSendBufferBytes(socket, out int sendBytes).OrThrow("SO_SNDBUF");
        SocketOptions.GetReceiveBufferBytes(socket, out int receiveBytes).OrThrow("SO_RCVBUF");
        Assert.Equal(64 * 1_024, sendBytes);
        Assert.Equal(96 * 1_024, receiveBytes);
    }

    [Fact]
    public void Every_socket_has_a_cookie_of_its_own_that_stays()
    {
        using SocketHandle first = Sockets.OpenTcp(AddressFamily.InterNetwork);
        using SocketHandle second = Sockets.OpenTcp(AddressFamily.InterNetwork);

        SocketOptions.TryGetCookie(first, out ulong firstCookie).OrThrow("SO_COOKIE");
        SocketOptions.TryGetCookie(first, out ulong again).OrThrow("SO_COOKIE");
        SocketOptions.TryGetCookie(second, out ulong secondCookie).OrThrow("SO_COOKIE");

        Assert.NotEqual(0UL, firstCookie);
        Assert.Equal(firstCookie, again);
        Assert.NotEqual(firstCookie, secondCookie);
    }

    [Fact]
    public void An_option_of_the_other_family_is_refused_as_a_result()
    {
        using SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetwork);

        Assert.False(SocketOptions.IPv6Only(socket, on: true).Ok);
    }

    [LabFact]
    public void A_mark_of_all_32_bits_is_kept()
    {
        using NetNamespace network = NetNamespace.Create();
        using SocketHandle socket = network.Run(AddressFamily.InterNetwork, Sockets.OpenTcp);

        SocketOptions.Mark(socket, 0xFFFF_F539).OrThrow("SO_MARK");

        SocketOptions.GetMark(socket, out uint mark).OrThrow("SO_MARK");
        Assert.Equal(0xFFFF_F539u, mark);
    }

    [LabFact]
    public async Task A_transparent_socket_binds_an_address_of_somebody_else()
    {
        using ScratchNamespace scratch = await ScratchNamespace.CreateAsync();
        foreach ((AddressFamily family, string address) in ((AddressFamily, string)[])
            [(AddressFamily.InterNetwork, "192.0.2.1"), (AddressFamily.InterNetworkV6, "2001:db8::1")])
        {
            using SocketHandle socket = scratch.Network.Run(family, Sockets.OpenTcp);
            var elsewhere = new IPEndPoint(IPAddress.Parse(address), 4_711);

            Assert.Equal(Errno.EADDRNOTAVAIL, Sockets.Bind(socket, elsewhere).Error);
            SocketOptions.Transparent(socket, family, on: true).OrThrow("TRANSPARENT");
            Sockets.Bind(socket, elsewhere).OrThrow("bind");
            Assert.Equal(elsewhere, Sockets.LocalEndPoint(socket));
        }
    }

    private static int Read(SocketHandle socket, int level, int option)
    {
        using FdLease lease = new(socket);
        using var borrowed = new Socket(new SafeSocketHandle(lease.Number, ownsHandle: false));
        int value = -1;
        Assert.Equal(sizeof(int), borrowed.GetRawSocketOption(level, option, MemoryMarshal.AsBytes(new Span<int>(ref value))));
        return value;
    }
}
