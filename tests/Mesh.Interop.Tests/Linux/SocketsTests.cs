using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.Linux;

public sealed class SocketsTests
{
    public static TheoryData<string> Loopbacks => ["127.0.0.1", "::1"];

    [Theory]
    [MemberData(nameof(Loopbacks))]
    public void A_connection_carries_bytes_both_ways_and_knows_both_ends(string loopback)
    {
        using SocketHandle listener = TcpPair.Listen(IPAddress.Parse(loopback));
        using SocketHandle client = Sockets.OpenTcp(listener.Family);
        SysResult started = Sockets.Connect(client, Sockets.LocalEndPoint(listener));
        Assert.True(started.Ok || started.InProgress, started.ToString());
        using SocketHandle server = TcpPair.Accept(listener, out IPEndPoint peer);
        TcpPair.WaitFor(client, EpollEvents.Out);

        Assert.Equal(Errno.None, Sockets.TakeError(client));
        Assert.Equal(Sockets.LocalEndPoint(client), peer);
        Assert.Equal(peer, Sockets.RemoteEndPoint(server));
        Assert.Equal(Sockets.LocalEndPoint(listener), Sockets.RemoteEndPoint(client));

        Assert.Equal(5, Sockets.Send(client, "hello"u8).Count);
        Assert.Equal(3, Sockets.Send(server, "you"u8).Count);
        Span<byte> buffer = stackalloc byte[8];
        TcpPair.ReceiveExactly(server, buffer[..5]);
        Assert.Equal("hello"u8, buffer[..5]);
        TcpPair.ReceiveExactly(client, buffer[..3]);
        Assert.Equal("you"u8, buffer[..3]);
    }

    [Fact]
    public void An_IPv4_client_of_an_IPv6_listener_is_reported_as_IPv4()
    {
        using SocketHandle listener = Sockets.OpenTcp(AddressFamily.InterNetworkV6);
        SocketOptions.IPv6Only(listener, on: false).OrThrow("IPV6_V6ONLY");
        Sockets.Bind(listener, new IPEndPoint(IPAddress.IPv6Any, 0)).OrThrow("bind");
        Sockets.Listen(listener, 1).OrThrow("listen");
        var target = new IPEndPoint(IPAddress.Loopback, Sockets.LocalEndPoint(listener).Port);
        using SocketHandle client = Sockets.OpenTcp(AddressFamily.InterNetwork);
        SysResult started = Sockets.Connect(client, target);
        Assert.True(started.Ok || started.InProgress, started.ToString());

        using SocketHandle server = TcpPair.Accept(listener, out IPEndPoint peer);

        Assert.Equal(AddressFamily.InterNetworkV6, server.Family);
        Assert.Equal(AddressFamily.InterNetwork, peer.AddressFamily);
        Assert.Equal(target, Sockets.LocalEndPoint(server));
        Assert.Equal(Sockets.LocalEndPoint(client), Sockets.RemoteEndPoint(server));
    }

    [Fact]
    public void An_IPv6_socket_connects_to_an_IPv4_address()
    {
        using SocketHandle listener = TcpPair.Listen(IPAddress.Loopback);
        using SocketHandle client = Sockets.OpenTcp(AddressFamily.InterNetworkV6);
        SysResult started = Sockets.Connect(client, Sockets.LocalEndPoint(listener));
        Assert.True(started.Ok || started.InProgress, started.ToString());
        using SocketHandle server = TcpPair.Accept(listener, out _);

        Assert.Equal(Sockets.LocalEndPoint(listener), Sockets.RemoteEndPoint(client));
    }

    [Fact]
    public void Nothing_to_do_yet_is_a_result()
    {
        using SocketHandle listener = TcpPair.Listen(IPAddress.Loopback);
        using TcpPair pair = TcpPair.Open();
        byte[] chunk = new byte[64 * 1_024];

        Assert.True(Sockets.TryAccept(listener, out SocketHandle? accepted, out IPEndPoint? peer).WouldBlock);
        Assert.Null(accepted);
        Assert.Null(peer);
        Assert.True(Sockets.Receive(pair.Server, chunk).WouldBlock);
        Assert.True(SendUntilRefused(pair.Client, chunk).WouldBlock);
    }

    [Fact]
    public void The_end_of_the_stream_is_a_receive_of_none_after_the_last_byte_and_the_other_direction_goes_on()
    {
        using TcpPair pair = TcpPair.Open();
        Sockets.Send(pair.Client, "last"u8).OrThrow("send");
        Sockets.Shutdown(pair.Client, SocketShutdown.Send).OrThrow("shutdown");

        Span<byte> buffer = stackalloc byte[16];
        TcpPair.ReceiveExactly(pair.Server, buffer[..4]);
        Assert.True(TcpPair.WaitFor(pair.Server, EpollEvents.In | EpollEvents.RdHup).HasFlag(EpollEvents.RdHup));
        Assert.Equal(0, Sockets.Receive(pair.Server, buffer).Count);

        Sockets.Send(pair.Server, "reply"u8).OrThrow("send");
        TcpPair.ReceiveExactly(pair.Client, buffer[..5]);
        Assert.Equal("reply"u8, buffer[..5]);
    }

    [Fact]
    public void A_peek_copies_what_is_there_from_the_first_byte_and_takes_none_of_it()
    {
        using TcpPair pair = TcpPair.Open();
        byte[] buffer = new byte[16];
        Assert.True(Sockets.Peek(pair.Server, buffer).WouldBlock);

        Sockets.Send(pair.Client, "first "u8).OrThrow("send");
        TcpPair.WaitFor(pair.Server, EpollEvents.In);
        Assert.Equal(3, Sockets.Peek(pair.Server, buffer.AsSpan(0, 3)).Count);
        Assert.Equal("fir"u8, buffer.AsSpan(0, 3));
        Assert.Equal(6, Sockets.Peek(pair.Server, buffer).Count);

        Sockets.Send(pair.Client, "last"u8).OrThrow("send");
        Sockets.Shutdown(pair.Client, SocketShutdown.Send).OrThrow("shutdown");
        TcpPair.WaitFor(pair.Server, EpollEvents.RdHup);
        Assert.Equal(10, Sockets.Peek(pair.Server, buffer).Count);
        Assert.Equal("first last"u8, buffer.AsSpan(0, 10));

        TcpPair.ReceiveExactly(pair.Server, buffer.AsSpan(0, 10));
        Assert.Equal("first last"u8, buffer.AsSpan(0, 10));
        SysResult end = Sockets.Peek(pair.Server, buffer);
        Assert.True(end.Ok, end.ToString());
        Assert.Equal(0, end.Count);
    }

    // Loops register once and are told of edges: a peek leaves the socket readable, and only what comes after it is news.
    [Fact]
    public void What_comes_after_a_peek_is_an_edge_of_its_own_and_the_peek_itself_is_none()
    {
        using TcpPair pair = TcpPair.Open();
        using EpollHandle epoll = EpollHandle.Create();
        epoll.Add(pair.Server, EpollEvents.In | EpollEvents.RdHup | EpollEvents.EdgeTriggered, token: 0).OrThrow("epoll_ctl");
        var ready = new ReadyEvent[1];
        byte[] buffer = new byte[16];
        for (int sent = 1; sent <= 3; sent++)
        {
            Sockets.Send(pair.Client, "x"u8).OrThrow("send");
            Assert.Equal(1, TcpPair.WaitReady(epoll, ready));
            Assert.Equal(sent, Sockets.Peek(pair.Server, buffer).Count);
            Assert.Equal(0, epoll.Wait(ready, 50));
        }

        Sockets.Shutdown(pair.Client, SocketShutdown.Send).OrThrow("shutdown");
        Assert.Equal(1, TcpPair.WaitReady(epoll, ready));
        Assert.True(ready[0].Events.HasFlag(EpollEvents.RdHup));
    }

    [Fact]
    public void A_peek_into_nothing_is_refused()
    {
        using TcpPair pair = TcpPair.Open();
        Assert.Throws<ArgumentException>(() => Sockets.Peek(pair.Server, []));
    }

    [Fact]
    public void A_peer_that_is_gone_is_a_result_and_not_a_signal()
    {
        using TcpPair pair = TcpPair.Open();
        SocketOptions.ResetOnClose(pair.Server).OrThrow("SO_LINGER");
        pair.Server.Dispose();
        TcpPair.WaitFor(pair.Client, EpollEvents.Hup);

        Assert.Equal(Errno.ECONNRESET, Sockets.Receive(pair.Client, new byte[1]).Error);
        Assert.Equal(Errno.EPIPE, Sockets.Send(pair.Client, "x"u8).Error);
        Assert.Equal(Errno.ENOTCONN, Sockets.TryGetRemoteEndPoint(pair.Client, out IPEndPoint? endPoint).Error);
        Assert.Null(endPoint);
        Assert.Equal(Errno.ENOTCONN, Assert.Throws<PosixException>(() => Sockets.RemoteEndPoint(pair.Client)).Error);
        Assert.Equal(Errno.ENOTCONN, Sockets.Shutdown(pair.Client, SocketShutdown.Send).Error);
    }

    [Fact]
    public void A_refused_connect_is_told_by_TakeError_once()
    {
        using SocketHandle reserved = Sockets.OpenTcp(AddressFamily.InterNetwork);
        Sockets.Bind(reserved, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
        using SocketHandle client = Sockets.OpenTcp(AddressFamily.InterNetwork);

        Assert.True(Sockets.Connect(client, Sockets.LocalEndPoint(reserved)).InProgress);
        TcpPair.WaitFor(client, EpollEvents.Out);

        Assert.Equal(Errno.ECONNREFUSED, Sockets.TakeError(client));
        Assert.Equal(Errno.None, Sockets.TakeError(client));
    }

    [Fact]
    public void An_address_in_use_is_a_result()
    {
        using SocketHandle listener = TcpPair.Listen(IPAddress.Loopback);
        using SocketHandle second = Sockets.OpenTcp(AddressFamily.InterNetwork);

        Assert.Equal(Errno.EADDRINUSE, Sockets.Bind(second, Sockets.LocalEndPoint(listener)).Error);
    }

    [Fact]
    public void The_queues_of_both_ends_can_be_counted()
    {
        using TcpPair pair = TcpPair.Open();
        Assert.Equal(0, Sockets.BytesReadable(pair.Server));
        Sockets.Send(pair.Client, new byte[1_000]).OrThrow("send");
        TcpPair.WaitFor(pair.Server, EpollEvents.In);
        Assert.Equal(1_000, Sockets.BytesReadable(pair.Server));

        // With the receiver's window closed, what the kernel took and the peer did not is what stays unacknowledged.
        Assert.True(SendUntilRefused(pair.Client, new byte[64 * 1_024]).WouldBlock);
        Assert.InRange(Sockets.BytesUnacknowledged(pair.Client), 1, int.MaxValue);
    }

    [Fact]
    public void An_empty_receive_is_refused_because_it_would_look_like_the_end()
    {
        using TcpPair pair = TcpPair.Open();

        Assert.Throws<ArgumentException>(() => Sockets.Receive(pair.Server, []));
    }

    [Fact]
    public void A_closed_socket_is_refused_by_every_call()
    {
        TcpPair pair = TcpPair.Open();
        pair.Dispose();

        Assert.Throws<ObjectDisposedException>(() => Sockets.Receive(pair.Client, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => Sockets.Send(pair.Client, "x"u8));
        Assert.Throws<ObjectDisposedException>(() => Sockets.LocalEndPoint(pair.Client));
        Assert.Throws<ObjectDisposedException>(() => SocketOptions.NoDelay(pair.Client, on: true));
    }

    private static SysResult SendUntilRefused(SocketHandle socket, ReadOnlySpan<byte> chunk)
    {
        SysResult sent;
        do
        {
            sent = Sockets.Send(socket, chunk);
        }
        while (sent.Ok);

        return sent;
    }
}
