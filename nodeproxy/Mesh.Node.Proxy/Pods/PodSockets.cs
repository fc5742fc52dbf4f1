using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Rules;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Node.Proxy.Pods;

/// <summary>Makes sockets that live in one pod's network namespace and carry the proxy's mark.</summary>
/// <remarks>The calling thread enters the namespace for the creation only; the socket stays there and is used from the loop.</remarks>
internal sealed class PodSockets(NetNamespace network, ProxyOptions options) : IDisposable
{
    /// <summary>Marks the proxy's own traffic, which capture rules let pass.</summary>
    public const uint OwnMark = CaptureMarks.Own;

    private SourcePortRange? _sourcePorts;

    /// <summary>Opens a marked TCP socket in the pod's namespace.</summary>
    public SysResult TryOpen(AddressFamily family, out SocketHandle? socket)
    {
        (SysResult result, socket) = network.Run(family, static f =>
        {
            SysResult opened = Sockets.TryOpenTcp(f, out SocketHandle? created);
            return (opened, created);
        });
        if (!result.Ok)
        {
            return result;
        }

        Prepare(socket!);
        SysResult marked = SocketOptions.Mark(socket!, OwnMark);
        if (!marked.Ok)
        {
            // Without the mark the rules would capture our own connection and send it back to us.
            socket!.Dispose();
            socket = null;
        }

        return marked;
    }

    /// <summary>The same, bound to an address of the pod; the port is chosen at connect, when only the four-tuple must be unique.</summary>
    /// <param name="source">Null leaves the address to the kernel too.</param>
    /// <param name="family">That of the address and of where the socket is to connect.</param>
    /// <param name="socket">The socket on success, else null.</param>
    /// <returns>Beside what opening gives: EADDRNOTAVAIL, when the pod has no such address.</returns>
    public SysResult TryOpenFrom(IPAddress? source, AddressFamily family, out SocketHandle? socket)
    {
        SysResult opened = TryOpen(family, out socket);
        if (!opened.Ok || source is null)
        {
            return opened;
        }

        SysResult bound = SocketOptions.BindAddressNoPort(socket!, true);
        bound = bound.Ok ? Sockets.Bind(socket!, new IPEndPoint(source, 0)) : bound;
        if (!bound.Ok)
        {
            socket!.Dispose();
            socket = null;
        }

        return bound;
    }

    /// <summary>
    /// Makes an accepted connection ready, which has every other option of its listener. The mark it came with, which the kernel shows on
    /// the socket (tcp_fwmark_accept), gives place to the proxy's own.
    /// </summary>
    /// <returns>False when it came with the proxy's own mark: it is not to be served, or a pod could borrow what the proxy may.</returns>
    public static bool PrepareAccepted(SocketHandle accepted)
    {
        bool isForeign = SocketOptions.GetMark(accepted, out uint mark).Ok && (mark & CaptureMarks.Mask) != OwnMark;
        return isForeign && SocketOptions.Mark(accepted, OwnMark).Ok;
    }

    /// <summary>
    /// Listens on a port of the pod, transparently: the rules deliver connections meant for other addresses here. Without a mark, or every
    /// accepted socket would have the listener's instead of the one it came with.
    /// </summary>
    /// <exception cref="PosixException">The port is taken or the namespace lacks the address family.</exception>
    public SocketHandle Listen(AddressFamily family, ushort port)
    {
        SocketHandle socket = network.Run(family, Sockets.OpenTcp);
        try
        {
            if (family == AddressFamily.InterNetworkV6)
            {
                Require(SocketOptions.IPv6Only(socket, true), "IPV6_V6ONLY");
            }

            PrepareListening(socket);
            Require(SocketOptions.ReuseAddress(socket, true), "SO_REUSEADDR");
            Require(SocketOptions.ReusePort(socket, true), "SO_REUSEPORT");
            Require(SocketOptions.Transparent(socket, family, true), "IP_TRANSPARENT");
            IPAddress any = family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
            Require(Sockets.Bind(socket, new IPEndPoint(any, port)), $"bind(:{port})");
            Require(Sockets.Listen(socket, options.ListenBacklog), $"listen(:{port})");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Hears datagrams on a port of the pod, transparently, each with the address it was sent to. The proxy before this one may still hear
    /// some: datagrams are shared like connections are.
    /// </summary>
    /// <exception cref="PosixException">The port is taken or the namespace lacks the address family.</exception>
    public SocketHandle HearDatagrams(AddressFamily family, ushort port)
    {
        (SysResult opened, SocketHandle? created) = OpenDatagram(family);
        Require(opened, "socket");
        SocketHandle socket = created!;
        try
        {
            if (family == AddressFamily.InterNetworkV6)
            {
                Require(SocketOptions.IPv6Only(socket, true), "IPV6_V6ONLY");
            }

            Require(SocketOptions.ReuseAddress(socket, true), "SO_REUSEADDR");
            Require(SocketOptions.ReusePort(socket, true), "SO_REUSEPORT");
            Require(SocketOptions.Transparent(socket, family, true), "IP_TRANSPARENT");
            Require(SocketOptions.ReceiveOriginalDestination(socket, family, true), "IP_RECVORIGDSTADDR");
            IPAddress any = family == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any;
            Require(Sockets.Bind(socket, new IPEndPoint(any, port)), $"bind(:{port}, udp)");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Opens a marked UDP socket that sends from this address, also where it is another's: an answer in a server's name.</summary>
    /// <param name="from">Port 0 leaves the port to the kernel, which chooses at random.</param>
    /// <param name="socket">The socket on success, else null.</param>
    public SysResult TryOpenDatagram(in DatagramAddress from, out SocketHandle? socket)
    {
        (SysResult result, socket) = OpenDatagram(from.Family);
        result = result.Ok ? SocketOptions.Mark(socket!, OwnMark) : result;
        result = result.Ok ? SocketOptions.ReuseAddress(socket!, from.Port != 0) : result;
        result = result.Ok ? SocketOptions.Transparent(socket!, from.Family, true) : result;
        result = result.Ok ? Datagrams.Bind(socket!, from) : result;
        if (!result.Ok)
        {
            socket?.Dispose();
            socket = null;
        }

        return result;
    }

    /// <summary>Makes a listening socket of the proxy before this one serve as one of this proxy's own.</summary>
    /// <exception cref="PosixException">It cannot; the socket is closed.</exception>
    public SocketHandle Inherit(SocketHandle socket)
    {
        try
        {
            // That proxy may have had other options, or be of a version that marks its listeners.
            PrepareListening(socket);
            Require(SocketOptions.Mark(socket, 0), "SO_MARK");
            Require(Sockets.Listen(socket, options.ListenBacklog), "listen");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The ports a connection with a preserved source address may be bound to in this namespace.</summary>
    public SourcePortRange SourcePorts => _sourcePorts ??= network.Run(0, static _ => SourcePortRange.ReadFromNamespace());

    /// <inheritdoc/>
    public void Dispose() => network.Dispose();

    private (SysResult Result, SocketHandle? Socket) OpenDatagram(AddressFamily family) => network.Run(family, static f =>
    {
        SysResult opened = Datagrams.TryOpen(f, out SocketHandle? created);
        return (opened, created);
    });

    /// <summary>Options every connection has: latency before batching, and an end to connections whose peer has vanished.</summary>
    private void Prepare(SocketHandle socket)
    {
        SocketOptions.NoDelay(socket, true);
        SocketOptions.KeepAlive(socket, options.KeepAliveIdleSeconds, options.KeepAliveIntervalSeconds, options.KeepAliveProbes);
        if (options.UserTimeoutMs > 0)
        {
            SocketOptions.UserTimeout(socket, TimeSpan.FromMilliseconds(options.UserTimeoutMs));
        }
    }

    /// <summary>The same for all that a listening socket will accept, and a reset of them should the proxy be killed.</summary>
    private void PrepareListening(SocketHandle socket)
    {
        Prepare(socket);
        SocketOptions.ResetOnClose(socket);
    }

    private static void Require(SysResult result, string operation)
    {
        if (!result.Ok)
        {
            throw new PosixException(result.Error, operation);
        }
    }
}
