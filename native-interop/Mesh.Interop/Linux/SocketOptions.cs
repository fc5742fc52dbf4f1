using System.Net;
using System.Net.Sockets;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// Socket options by what they are for. Each call sets or reads one option and reports the kernel's refusal; none throws for it.
/// ENOPROTOOPT means the kernel or the socket's family does not know the option. man pages: socket(7), ip(7), ipv6(7), tcp(7).
/// </summary>
public static unsafe class SocketOptions
{
    /// <summary>Sends small segments at once instead of waiting for acknowledgements (TCP_NODELAY).</summary>
    public static SysResult NoDelay(SocketHandle socket, bool on) => Set(socket, LibC.SOL_TCP, LibC.TCP_NODELAY, on);

    /// <summary>
    /// Lets several listeners of one user share an address, the kernel spreading connections (SO_REUSEPORT). Before bind.
    /// </summary>
    public static SysResult ReusePort(SocketHandle socket, bool on) => Set(socket, LibC.SOL_SOCKET, LibC.SO_REUSEPORT, on);

    /// <summary>Binds although connections of an earlier listener linger in TIME_WAIT (SO_REUSEADDR). Before bind.</summary>
    public static SysResult ReuseAddress(SocketHandle socket, bool on) => Set(socket, LibC.SOL_SOCKET, LibC.SO_REUSEADDR, on);

    /// <summary>
    /// Accepts connections to, and binds, addresses that are not local (IP_TRANSPARENT, IPV6_TRANSPARENT): what TPROXY needs.
    /// </summary>
    /// <param name="socket">A socket before bind.</param>
    /// <param name="family">The socket's family.</param>
    /// <param name="on">The value.</param>
    /// <returns>EPERM without CAP_NET_ADMIN or CAP_NET_RAW in the namespace's user namespace.</returns>
    public static SysResult Transparent(SocketHandle socket, AddressFamily family, bool on) =>
        IsIpv6(family)
            ? Set(socket, LibC.SOL_IPV6, LibC.IPV6_TRANSPARENT, on)
            : Set(socket, LibC.SOL_IP, LibC.IP_TRANSPARENT, on);

    /// <summary>
    /// Has each datagram come with the address it was going to before TPROXY (IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR).
    /// </summary>
    /// <param name="socket">A UDP socket.</param>
    /// <param name="family">The socket's family.</param>
    /// <param name="on">The value.</param>
    public static SysResult ReceiveOriginalDestination(SocketHandle socket, AddressFamily family, bool on) =>
        IsIpv6(family)
            ? Set(socket, LibC.SOL_IPV6, Libc.IPV6_ORIGDSTADDR, on)
            : Set(socket, LibC.SOL_IP, Libc.IP_ORIGDSTADDR, on);

    /// <summary>Binds an address that no interface has, or not yet (IP_FREEBIND, IPV6_FREEBIND). Needs no privilege.</summary>
    /// <param name="socket">A socket before bind.</param>
    /// <param name="family">The socket's family.</param>
    /// <param name="on">The value.</param>
    public static SysResult Freebind(SocketHandle socket, AddressFamily family, bool on) =>
        IsIpv6(family)
            ? Set(socket, LibC.SOL_IPV6, LibC.IPV6_FREEBIND, on)
            : Set(socket, LibC.SOL_IP, LibC.IP_FREEBIND, on);

    /// <summary>Marks every packet the socket sends, for rules and routes to match (SO_MARK).</summary>
    /// <param name="socket">Any socket; before connect, for the first packet to carry it.</param>
    /// <param name="mark">All 32 bits of the mark; 0 is none.</param>
    /// <returns>EPERM without CAP_NET_ADMIN (or, since Linux 5.17, CAP_NET_RAW).</returns>
    public static SysResult Mark(SocketHandle socket, uint mark) => SetInt(socket, LibC.SOL_SOCKET, LibC.SO_MARK, (int)mark);

    /// <summary>Reads the mark; see <see cref="Mark"/>. An accepted socket has its connection's mark only with tcp_fwmark_accept.</summary>
    public static SysResult GetMark(SocketHandle socket, out uint mark)
    {
        SysResult result = GetInt(socket, LibC.SOL_SOCKET, LibC.SO_MARK, out int value);
        mark = (uint)value;
        return result;
    }

    /// <summary>Probes an idle peer, and ends the connection with ETIMEDOUT when it does not answer (SO_KEEPALIVE, TCP_KEEP*).</summary>
    /// <param name="socket">Any TCP socket.</param>
    /// <param name="idleSeconds">Idle time before the first probe, 1 to 32 767.</param>
    /// <param name="intervalSeconds">Time between probes, 1 to 32 767.</param>
    /// <param name="count">Unanswered probes that end the connection, 1 to 127.</param>
    /// <returns>EINVAL out of range; an option set before the refusal stays set, but probing is turned on last.</returns>
    public static SysResult KeepAlive(SocketHandle socket, int idleSeconds, int intervalSeconds, int count)
    {
        SysResult result = SetInt(socket, LibC.SOL_TCP, LibC.TCP_KEEPIDLE, idleSeconds);
        result = result.Ok ? SetInt(socket, LibC.SOL_TCP, LibC.TCP_KEEPINTVL, intervalSeconds) : result;
        result = result.Ok ? SetInt(socket, LibC.SOL_TCP, LibC.TCP_KEEPCNT, count) : result;
        return result.Ok ? Set(socket, LibC.SOL_SOCKET, LibC.SO_KEEPALIVE, on: true) : result;
    }

    /// <summary>Ends the connection with ETIMEDOUT when sent bytes stay unacknowledged for so long (TCP_USER_TIMEOUT).</summary>
    /// <param name="socket">Any TCP socket.</param>
    /// <param name="timeout">Whole milliseconds; zero is the system's default of many minutes.</param>
    /// <exception cref="ArgumentOutOfRangeException">Negative, or above 2^31 - 1 milliseconds.</exception>
    public static SysResult UserTimeout(SocketHandle socket, TimeSpan timeout)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(timeout.TotalMilliseconds, int.MaxValue, nameof(timeout));
        return SetInt(socket, LibC.SOL_TCP, LibC.TCP_USER_TIMEOUT, (int)timeout.TotalMilliseconds);
    }

    /// <summary>
    /// Closing resets the connection: the peer sees RST and unsent bytes are dropped (SO_LINGER with 0 seconds). Off, as a socket is made,
    /// closing ends it in good order.
    /// </summary>
    public static SysResult ResetOnClose(SocketHandle socket, bool on = true)
    {
        linger value = new() { l_onoff = on ? 1 : 0, l_linger = 0 };
        using FdLease lease = new(socket);
        return SysResult.From(LibC.setsockopt(lease.Number, LibC.SOL_SOCKET, LibC.SO_LINGER, &value, (socklen_t)sizeof(linger)));
    }

    /// <summary>An IPv6 socket takes IPv6 alone, or IPv4 as well (IPV6_V6ONLY). Before bind.</summary>
    public static SysResult IPv6Only(SocketHandle socket, bool on) => Set(socket, LibC.SOL_IPV6, LibC.IPV6_V6ONLY, on);

    /// <summary>
    /// Asks for a send buffer (SO_SNDBUF), which turns the kernel's own tuning off. The kernel doubles the figure for its bookkeeping
    /// and caps it at net.core.wmem_max.
    /// </summary>
    public static SysResult SendBufferBytes(SocketHandle socket, int bytes) => SetInt(socket, LibC.SOL_SOCKET, LibC.SO_SNDBUF, bytes);

    /// <summary>The send buffer as the kernel counts it: twice what was asked for.</summary>
    public static SysResult GetSendBufferBytes(SocketHandle socket, out int bytes) =>
        GetInt(socket, LibC.SOL_SOCKET, LibC.SO_SNDBUF, out bytes);

    /// <summary>
    /// Asks for a receive buffer (SO_RCVBUF), which turns the kernel's own tuning off. Doubled, and capped at net.core.rmem_max.
    /// </summary>
    public static SysResult ReceiveBufferBytes(SocketHandle socket, int bytes) => SetInt(socket, LibC.SOL_SOCKET, LibC.SO_RCVBUF, bytes);

    /// <summary>The receive buffer as the kernel counts it: twice what was asked for.</summary>
    public static SysResult GetReceiveBufferBytes(SocketHandle socket, out int bytes) =>
        GetInt(socket, LibC.SOL_SOCKET, LibC.SO_RCVBUF, out bytes);

    /// <summary>
    /// Binding an address with port 0 leaves the port to connect, which needs only the four-tuple to be unique: many more outgoing
    /// connections from one address (IP_BIND_ADDRESS_NO_PORT; works on IPv6 sockets too).
    /// </summary>
    public static SysResult BindAddressNoPort(SocketHandle socket, bool on) =>
        Set(socket, LibC.SOL_IP, LibC.IP_BIND_ADDRESS_NO_PORT, on);

    /// <summary>Where a connection caught by NAT REDIRECT was going (SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST).</summary>
    /// <param name="socket">An accepted connection.</param>
    /// <param name="family">The family of the connection's addresses: IPv4 also where an IPv6 listener accepted an IPv4 client.</param>
    /// <param name="destination">The original destination on success, else null.</param>
    /// <returns>
    /// ENOENT when connection tracking does not know the connection; ENOPROTOOPT when the kernel does not track that family.
    /// </returns>
    public static SysResult TryGetOriginalDestination(SocketHandle socket, AddressFamily family, out IPEndPoint? destination)
    {
        int level = IsIpv6(family) ? LibC.SOL_IPV6 : LibC.SOL_IP;
        byte* address = stackalloc byte[SocketAddress.BytesMax];
        socklen_t bytes = (socklen_t)SocketAddress.BytesMax;
        using FdLease lease = new(socket);
        SysResult result = SysResult.From(LibC.getsockopt(lease.Number, level, Libc.SO_ORIGINAL_DST, address, &bytes));
        destination = result.Ok ? SocketAddress.Read(new ReadOnlySpan<byte>(address, (int)(uint)bytes)) : null;
        return result;
    }

    /// <summary>The kernel's number for this socket, unique while the machine runs; what <c>ss</c> and BPF show (SO_COOKIE).</summary>
    public static SysResult TryGetCookie(SocketHandle socket, out ulong cookie)
    {
        ulong value = 0;
        socklen_t bytes = sizeof(ulong);
        using FdLease lease = new(socket);
        SysResult result = SysResult.From(LibC.getsockopt(lease.Number, LibC.SOL_SOCKET, LibC.SO_COOKIE, &value, &bytes));
        cookie = value;
        return result;
    }

    private static bool IsIpv6(AddressFamily family) => SocketAddress.NativeFamily(family) == LibC.AF_INET6;

    private static SysResult Set(SocketHandle socket, int level, int option, bool on) => SetInt(socket, level, option, on ? 1 : 0);

    private static SysResult SetInt(SocketHandle socket, int level, int option, int value)
    {
        using FdLease lease = new(socket);
        return SysResult.From(LibC.setsockopt(lease.Number, level, option, &value, sizeof(int)));
    }

    private static SysResult GetInt(SocketHandle socket, int level, int option, out int value)
    {
        int read = 0;
        socklen_t bytes = sizeof(int);
        using FdLease lease = new(socket);
        SysResult result = SysResult.From(LibC.getsockopt(lease.Number, level, option, &read, &bytes));
        value = read;
        return result;
    }
}
