using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// TCP sockets that never block. Every call may be made from any thread, holds the descriptor open while it runs and allocates
/// nothing unless it returns an object. What a peer can cause is a <see cref="SysResult"/>; only mistakes and an exhausted machine throw.
/// </summary>
/// <remarks>
/// Measured (2 shared cores, Linux 6.18): a receive that finds nothing takes 405 ns through here, 405 ns through the package's import
/// alone and 387 ns through an import of our own; 64 bytes sent and received over loopback take 7 µs in each of the three ways.
/// </remarks>
public static unsafe class Sockets
{
    /// <summary>Opens a TCP socket, non-blocking and close-on-exec, in the calling thread's network namespace (socket(2)).</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <exception cref="PosixException">
    /// EMFILE or ENFILE when descriptors run out; ENOBUFS or ENOMEM; EAFNOSUPPORT without IPv6.
    /// </exception>
    public static SocketHandle OpenTcp(AddressFamily family)
    {
        TryOpenTcp(family, out SocketHandle? socket).OrThrow("socket");
        return socket!;
    }

    /// <summary>As <see cref="OpenTcp"/>, where running out of descriptors is to be answered and not thrown.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="socket">The socket on success, else null.</param>
    public static SysResult TryOpenTcp(AddressFamily family, out SocketHandle? socket)
    {
        int type = LibC.SOCK_STREAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
        SysResult opened = SysResult.From(LibC.socket(SocketAddress.NativeFamily(family), type, LibC.IPPROTO_TCP));
        socket = opened.Ok ? new SocketHandle(opened.Count, family) : null;
        return Uncounted(opened);
    }

    /// <summary>Gives the socket its local address (bind(2)). An IPv4 address is mapped where the socket is IPv6.</summary>
    /// <param name="socket">An unbound socket.</param>
    /// <param name="endPoint">Port 0 lets the kernel choose.</param>
    /// <returns>EADDRINUSE; EADDRNOTAVAIL without Freebind or Transparent; EACCES below the first unprivileged port.</returns>
    /// <exception cref="ArgumentException">An IPv6 address for an IPv4 socket.</exception>
    public static SysResult Bind(SocketHandle socket, IPEndPoint endPoint)
    {
        byte* address = stackalloc byte[SocketAddress.BytesMax];
        int addressBytes = SocketAddress.Write(endPoint, socket.Family, new Span<byte>(address, SocketAddress.BytesMax));
        using FdLease lease = new(socket);
        return SysResult.From(LibC.bind(lease.Number, (sockaddr*)address, (socklen_t)addressBytes));
    }

    /// <summary>Begins to accept (listen(2)).</summary>
    /// <param name="socket">A bound socket.</param>
    /// <param name="backlog">Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.</param>
    /// <returns>EADDRINUSE when an unbound socket found no free port.</returns>
    public static SysResult Listen(SocketHandle socket, int backlog)
    {
        using FdLease lease = new(socket);
        return SysResult.From(LibC.listen(lease.Number, backlog));
    }

    /// <summary>
    /// Makes a listening TCP socket that another process has passed usable here. The two processes then share the socket and its queue, and
    /// it listens until both have closed it.
    /// </summary>
    /// <param name="received">Any descriptor; stays the caller's.</param>
    /// <param name="listener">A descriptor of its own on success, else null.</param>
    /// <returns>ENOTSOCK; EINVAL for a socket that is no listening, non-blocking TCP socket; EMFILE.</returns>
    public static SysResult TryAdoptListener(SafeHandle received, out SocketHandle? listener)
    {
        listener = null;
        using FdLease lease = new(received);
        SysResult read = ReadOption(lease.Number, LibC.SO_DOMAIN, out int domain);
        int protocol = 0;
        int isListening = 0;
        read = read.Ok ? ReadOption(lease.Number, LibC.SO_PROTOCOL, out protocol) : read;
        read = read.Ok ? ReadOption(lease.Number, LibC.SO_ACCEPTCONN, out isListening) : read;
        if (!read.Ok)
        {
            return read;
        }

        bool isNonBlocking = (LibC.fcntl(lease.Number, LibC.F_GETFL) & LibC.O_NONBLOCK) != 0;
        if (domain != LibC.AF_INET && domain != LibC.AF_INET6 || protocol != LibC.IPPROTO_TCP || isListening == 0 || !isNonBlocking)
        {
            return SysResult.Failure(Errno.EINVAL);
        }

        SysResult copied = SysResult.From(LibC.fcntl(lease.Number, LibC.F_DUPFD_CLOEXEC, 0));
        listener = copied.Ok
            ? new SocketHandle(copied.Count, domain == LibC.AF_INET ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6)
            : null;
        return Uncounted(copied);
    }

    /// <summary>Takes one waiting connection, non-blocking and close-on-exec (accept4(2)).</summary>
    /// <param name="listener">A listening socket.</param>
    /// <param name="accepted">The connection on success, else null.</param>
    /// <param name="peer">Where it comes from on success, IPv4-mapped addresses as IPv4; else null.</param>
    /// <returns>
    /// EAGAIN when none waits. ECONNABORTED, EPROTO and network errors such as EHOSTUNREACH concern the one connection that is gone:
    /// go on accepting. EMFILE, ENFILE, ENOBUFS and ENOMEM concern the process: the connection still waits, so a level-triggered
    /// listener would spin; pause it.
    /// </returns>
    public static SysResult TryAccept(
        SocketHandle listener, out SocketHandle? accepted, out IPEndPoint? peer)
    {
        byte* address = stackalloc byte[SocketAddress.BytesMax];
        socklen_t addressBytes = (socklen_t)SocketAddress.BytesMax;
        using FdLease lease = new(listener);
        SysResult result = SysResult.From(
            LibC.accept4(lease.Number, (sockaddr*)address, &addressBytes, LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC));
        if (!result.Ok)
        {
            accepted = null;
            peer = null;
            return result;
        }

        accepted = new SocketHandle(result.Count, listener.Family);
        peer = ReadAddress(address, addressBytes);
        return Uncounted(result);
    }

    /// <summary>Begins to connect (connect(2)). An IPv4 address is mapped where the socket is IPv6.</summary>
    /// <param name="socket">A socket that is not connected.</param>
    /// <param name="endPoint">The destination.</param>
    /// <returns>
    /// <see cref="SysResult.InProgress"/> is the usual result: when the socket turns writable, <see cref="TakeError"/> has the outcome.
    /// Asked again, it answers EALREADY as long as the connection is not made, and then success or why there is none. EADDRNOTAVAIL when
    /// source ports ran out; ENETUNREACH; EPERM by a firewall.
    /// </returns>
    /// <exception cref="ArgumentException">An IPv6 address for an IPv4 socket.</exception>
    public static SysResult Connect(SocketHandle socket, IPEndPoint endPoint)
    {
        byte* address = stackalloc byte[SocketAddress.BytesMax];
        int addressBytes = SocketAddress.Write(endPoint, socket.Family, new Span<byte>(address, SocketAddress.BytesMax));
        using FdLease lease = new(socket);
        return SysResult.From(LibC.connect(lease.Number, (sockaddr*)address, (socklen_t)addressBytes));
    }

    /// <summary>Takes and clears the socket's pending error (SO_ERROR, socket(7)).</summary>
    /// <param name="socket">Any socket.</param>
    /// <returns><see cref="Errno.None"/> when a connect succeeded; else ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH and so on.</returns>
    public static Errno TakeError(SocketHandle socket)
    {
        int error;
        socklen_t bytes = sizeof(int);
        using FdLease lease = new(socket);
        SysResult result = SysResult.From(LibC.getsockopt(lease.Number, LibC.SOL_SOCKET, LibC.SO_ERROR, &error, &bytes));
        return result.Ok ? (Errno)error : result.Error;
    }

    /// <summary>
    /// The socket's own address (getsockname(2)), IPv4-mapped as IPv4. On a TPROXY connection it is the original destination.
    /// </summary>
    /// <param name="socket">Any socket.</param>
    /// <exception cref="PosixException">ENOBUFS.</exception>
    public static IPEndPoint LocalEndPoint(SocketHandle socket)
    {
        byte* address = stackalloc byte[SocketAddress.BytesMax];
        socklen_t addressBytes = (socklen_t)SocketAddress.BytesMax;
        using FdLease lease = new(socket);
        SysResult.From(LibC.getsockname(lease.Number, (sockaddr*)address, &addressBytes)).OrThrow("getsockname");
        return ReadAddress(address, addressBytes);
    }

    /// <summary>The other side's address (getpeername(2)), IPv4-mapped as IPv4.</summary>
    /// <param name="socket">A connected socket.</param>
    /// <exception cref="PosixException">
    /// ENOTCONN: never connected, or already reset by the peer. Where that can be, use <see cref="TryGetRemoteEndPoint"/>.
    /// </exception>
    public static IPEndPoint RemoteEndPoint(SocketHandle socket)
    {
        TryGetRemoteEndPoint(socket, out IPEndPoint? endPoint).OrThrow("getpeername");
        return endPoint!;
    }

    /// <summary>As <see cref="RemoteEndPoint"/>, where the peer may be gone already.</summary>
    /// <param name="socket">Any socket.</param>
    /// <param name="endPoint">The address on success, else null.</param>
    /// <returns>ENOTCONN when there is no peer, or none any more.</returns>
    public static SysResult TryGetRemoteEndPoint(SocketHandle socket, out IPEndPoint? endPoint)
    {
        byte* address = stackalloc byte[SocketAddress.BytesMax];
        socklen_t addressBytes = (socklen_t)SocketAddress.BytesMax;
        using FdLease lease = new(socket);
        SysResult result = SysResult.From(LibC.getpeername(lease.Number, (sockaddr*)address, &addressBytes));
        endPoint = result.Ok ? ReadAddress(address, addressBytes) : null;
        return result;
    }

    /// <summary>Takes bytes that have arrived (recv(2)).</summary>
    /// <param name="socket">A connected socket.</param>
    /// <param name="destination">At least one byte, because an empty receive returns 0 as the end of the stream does.</param>
    /// <returns>The bytes taken; 0 when the peer has finished sending; EAGAIN when there is nothing yet; ECONNRESET; ETIMEDOUT.</returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is empty.</exception>
    public static SysResult Receive(SocketHandle socket, Span<byte> destination) => Receive(socket, destination, LibC.MSG_DONTWAIT);

    /// <summary>Copies bytes that have arrived and leaves them to be received (recv(2), MSG_PEEK).</summary>
    /// <param name="socket">A connected socket.</param>
    /// <param name="destination">At least one byte, as for <see cref="Receive(SocketHandle, Span{byte})"/>.</param>
    /// <returns>
    /// The bytes copied, always from the first that was not received; 0 when there are none and the peer has finished sending; EAGAIN when
    /// there is nothing yet; ECONNRESET; ETIMEDOUT.
    /// </returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is empty.</exception>
    public static SysResult Peek(SocketHandle socket, Span<byte> destination) =>
        Receive(socket, destination, LibC.MSG_DONTWAIT | LibC.MSG_PEEK);

    /// <summary>Hands bytes to the kernel (send(2)); a peer that is gone is a result and never a signal.</summary>
    /// <param name="socket">A connected socket.</param>
    /// <param name="source">The bytes; may be empty.</param>
    /// <returns>The bytes taken, perhaps fewer than offered; EAGAIN when the send buffer is full; EPIPE or ECONNRESET.</returns>
    public static SysResult Send(SocketHandle socket, ReadOnlySpan<byte> source)
    {
        using FdLease lease = new(socket);
        fixed (byte* start = source)
        {
            return SysResult.From((nint)(long)LibC.send(lease.Number, start, (size_t)source.Length, SendFlags));
        }
    }

    /// <summary>Ends one or both directions (shutdown(2)); ending Send lets the peer read the end of the stream.</summary>
    /// <param name="socket">A connected socket.</param>
    /// <param name="how">Which direction.</param>
    /// <returns>ENOTCONN when the connection is gone already.</returns>
    public static SysResult Shutdown(SocketHandle socket, SocketShutdown how)
    {
        int direction = how switch
        {
            SocketShutdown.Receive => LibC.SHUT_RD,
            SocketShutdown.Send => LibC.SHUT_WR,
            SocketShutdown.Both => LibC.SHUT_RDWR,
            _ => throw new ArgumentOutOfRangeException(nameof(how)),
        };
        using FdLease lease = new(socket);
        return SysResult.From(LibC.shutdown(lease.Number, direction));
    }

    /// <summary>Bytes that have arrived and wait to be received (FIONREAD, tcp(7)).</summary>
    /// <param name="socket">A connected socket.</param>
    /// <exception cref="PosixException">EINVAL on a listening socket.</exception>
    public static int BytesReadable(SocketHandle socket) => QueueBytes(socket, LibC.FIONREAD, "ioctl FIONREAD");

    /// <summary>Bytes sent but not yet acknowledged by the peer, or not yet sent (SIOCOUTQ, tcp(7)).</summary>
    /// <param name="socket">A connected socket.</param>
    /// <exception cref="PosixException">EINVAL on a listening socket.</exception>
    public static int BytesUnacknowledged(SocketHandle socket) => QueueBytes(socket, Libc.SIOCOUTQ, "ioctl SIOCOUTQ");

    // The flag beside the socket's own mode: a descriptor that came from another process could be blocking, and must not stop a loop.
    private static SysResult Receive(SocketHandle socket, Span<byte> destination, int flags)
    {
        if (destination.IsEmpty)
        {
            throw new ArgumentException("A receive into nothing cannot be told from the end of the stream.", nameof(destination));
        }

        using FdLease lease = new(socket);
        fixed (byte* start = destination)
        {
            return SysResult.From((nint)(long)LibC.recv(lease.Number, start, (size_t)destination.Length, flags));
        }
    }

    private static int SendFlags => LibC.MSG_NOSIGNAL | LibC.MSG_DONTWAIT;

    private static int QueueBytes(SocketHandle socket, int request, string operation)
    {
        int bytes;
        using FdLease lease = new(socket);
        SysResult.From(LibC.ioctl(lease.Number, request, &bytes)).OrThrow(operation);
        return bytes;
    }

    private static IPEndPoint ReadAddress(byte* address, socklen_t addressBytes) =>
        SocketAddress.Read(new ReadOnlySpan<byte>(address, Math.Min((int)(uint)addressBytes, SocketAddress.BytesMax)))
        ?? throw new InvalidOperationException("A TCP socket reported an address that is not an IP address.");

    // A descriptor's number is nobody's business above this layer.
    private static SysResult ReadOption(int descriptor, int option, out int value)
    {
        int read = 0;
        socklen_t bytes = sizeof(int);
        SysResult result = SysResult.From(LibC.getsockopt(descriptor, LibC.SOL_SOCKET, option, &read, &bytes));
        value = read;
        return result;
    }

    private static SysResult Uncounted(SysResult opened) => opened.Ok ? SysResult.Success() : opened;
}
