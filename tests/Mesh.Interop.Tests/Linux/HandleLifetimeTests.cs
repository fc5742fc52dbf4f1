using System.Net.Sockets;
using Mesh.Interop.Linux;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.Linux;

/// <summary>
/// Goal: a descriptor's number is never used after its handle is closed, whatever the threads do. The kernel gives a freed number to
/// the next socket at once, so a call that came late would read or write a stranger's connection.
/// </summary>
public sealed class HandleLifetimeTests
{
    private const int Rounds = 300;

    [Fact]
    public void A_lease_keeps_the_descriptor_open_past_the_close()
    {
        SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetwork);
        SocketOptions.TryGetCookie(socket, out ulong cookie).OrThrow("SO_COOKIE");
        using (new FdLease(socket))
        {
            socket.Dispose();
            SocketOptions.TryGetCookie(socket, out ulong still).OrThrow("SO_COOKIE");
            Assert.Equal(cookie, still);
            Assert.False(socket.IsClosed);
        }

        Assert.True(socket.IsClosed);
        Assert.Throws<ObjectDisposedException>(() => Lease(socket));
    }

    [Fact]
    public void A_handle_disposed_twice_closes_once()
    {
        SocketHandle first = Sockets.OpenTcp(AddressFamily.InterNetwork);
        first.Dispose();
        using SocketHandle second = Sockets.OpenTcp(AddressFamily.InterNetwork);

        first.Dispose();

        SocketOptions.TryGetCookie(second, out _).OrThrow("the second socket was closed by the first one's handle");
    }

    [Fact]
    public void A_late_send_never_reaches_the_connection_that_got_the_number()
    {
        for (int round = 0; round < Rounds; round++)
        {
            TcpPair victim = TcpPair.Open();
            using var started = new ManualResetEventSlim();
            var sender = new Thread(() =>
            {
                started.Set();
                try
                {
                    while (true)
                    {
                        Sockets.Send(victim.Client, "late"u8);
                    }
                }
                catch (ObjectDisposedException)
                {
                    // The only way out: the handle said no.
                }
            });
            sender.Start();
            started.Wait(TestContext.Current.CancellationToken);

            victim.Client.Dispose();
            using TcpPair stranger = TcpPair.Open();
            sender.Join();

            Assert.Equal(0, Sockets.BytesReadable(stranger.Server));
            Assert.Equal(0, Sockets.BytesReadable(stranger.Client));
            victim.Server.Dispose();
        }
    }

    [Fact]
    public void A_late_receive_never_takes_bytes_of_the_connection_that_got_the_number()
    {
        for (int round = 0; round < Rounds; round++)
        {
            TcpPair victim = TcpPair.Open();
            using var started = new ManualResetEventSlim();
            int stolenBytes = 0;
            var receiver = new Thread(() =>
            {
                byte[] buffer = new byte[16];
                started.Set();
                try
                {
                    while (true)
                    {
                        SysResult received = Sockets.Receive(victim.Server, buffer);
                        stolenBytes += received.Ok ? received.Count : 0;
                    }
                }
                catch (ObjectDisposedException)
                {
                    // The only way out: the handle said no.
                }
            });
            receiver.Start();
            started.Wait(TestContext.Current.CancellationToken);

            victim.Server.Dispose();
            using TcpPair stranger = TcpPair.Open();
            Sockets.Send(stranger.Client, "mine"u8).OrThrow("send");
            receiver.Join();

            byte[] own = new byte[4];
            TcpPair.ReceiveExactly(stranger.Server, own);
            Assert.Equal("mine"u8, own);
            Assert.Equal(0, stolenBytes);
            victim.Client.Dispose();
        }
    }

    private static void Lease(SocketHandle socket) => new FdLease(socket).Dispose();
}
