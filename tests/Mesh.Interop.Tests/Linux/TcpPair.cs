using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;
using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

/// <summary>Two ends of one TCP connection on the loopback of the calling thread's namespace.</summary>
internal sealed class TcpPair : IDisposable
{
    private const int WaitMsMax = 5_000;

    private TcpPair(SocketHandle client, SocketHandle server)
    {
        Client = client;
        Server = server;
    }

    public SocketHandle Client { get; }

    public SocketHandle Server { get; }

    public static TcpPair Open(IPAddress? address = null)
    {
        using SocketHandle listener = Listen(address ?? IPAddress.Loopback);
        SocketHandle client = Sockets.OpenTcp(listener.Family);
        SysResult started = Sockets.Connect(client, Sockets.LocalEndPoint(listener));
        Assert.True(started.Ok || started.InProgress, started.ToString());
        SocketHandle server = Accept(listener, out _);
        WaitFor(client, EpollEvents.Out);
        Assert.Equal(Errno.None, Sockets.TakeError(client));
        return new TcpPair(client, server);
    }

    public static SocketHandle Listen(IPAddress address, int port = 0)
    {
        SocketHandle listener = Sockets.OpenTcp(address.AddressFamily);
        SocketOptions.ReuseAddress(listener, on: true).OrThrow("SO_REUSEADDR");
        Sockets.Bind(listener, new IPEndPoint(address, port)).OrThrow("bind");
        Sockets.Listen(listener, backlog: 16).OrThrow("listen");
        return listener;
    }

    public static SocketHandle Accept(SocketHandle listener, out IPEndPoint peer)
    {
        WaitFor(listener, EpollEvents.In);
        Sockets.TryAccept(listener, out SocketHandle? accepted, out IPEndPoint? from).OrThrow("accept");
        peer = from!;
        return accepted!;
    }

    /// <summary>Waits until a descriptor is ready; fails the test when that takes too long.</summary>
    public static EpollEvents WaitFor(SafeHandle descriptor, EpollEvents events)
    {
        using EpollHandle epoll = EpollHandle.Create();
        epoll.Add(descriptor, events, token: 0).OrThrow("epoll_ctl");
        var ready = new ReadyEvent[1];
        Assert.True(WaitReady(epoll, ready) == 1, $"Not ready for {events} within {WaitMsMax} ms.");
        return ready[0].Events;
    }

    /// <summary>Waits for reports, through signals: the runtime sends them to its own threads, and each ends a wait.</summary>
    public static int WaitReady(EpollHandle epoll, Span<ReadyEvent> ready, int waitMs = WaitMsMax)
    {
        long started = Stopwatch.GetTimestamp();
        int count;
        do
        {
            count = epoll.Wait(ready, waitMs);
        }
        while (count == 0 && Stopwatch.GetElapsedTime(started).TotalMilliseconds < waitMs);

        return count;
    }

    /// <summary>Receives until the buffer is full.</summary>
    public static void ReceiveExactly(SocketHandle socket, Span<byte> destination)
    {
        while (!destination.IsEmpty)
        {
            SysResult received = Sockets.Receive(socket, destination);
            if (received.WouldBlock)
            {
                WaitFor(socket, EpollEvents.In);
                continue;
            }

            Assert.NotEqual(0, received.Count);
            destination = destination[received.Count..];
        }
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }
}
