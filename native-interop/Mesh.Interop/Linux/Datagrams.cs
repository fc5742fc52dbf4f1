using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// UDP sockets that never block. Calls may be made from any thread and allocate nothing but the handle of an opened socket. Binding,
/// connecting, sending to and receiving from the peer of a connected socket are those of <see cref="Sockets"/> and below.
/// </summary>
public static unsafe class Datagrams
{
    // A control message is a header of 16 bytes on both 64-bit ABIs (sys/socket.h) and an address, padded to 8 bytes.
    private const int ControlHeaderBytes = 16;
    private const int ControlBytes = ControlHeaderBytes + 32;

    /// <summary>Opens a UDP socket, non-blocking and close-on-exec, in the calling thread's network namespace (socket(2)).</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <param name="socket">The socket on success, else null.</param>
    /// <returns>EMFILE or ENFILE when descriptors run out; ENOBUFS or ENOMEM; EAFNOSUPPORT without IPv6.</returns>
    public static SysResult TryOpen(AddressFamily family, out SocketHandle? socket)
    {
        int type = LibC.SOCK_DGRAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
        SysResult opened = SysResult.From(LibC.socket(SocketAddress.NativeFamily(family), type, LibC.IPPROTO_UDP));
        socket = opened.Ok ? new SocketHandle(opened.Count, family) : null;
        return opened.Ok ? SysResult.Success() : opened;
    }

    /// <summary>Gives the socket its local address (bind(2)).</summary>
    /// <param name="socket">An unbound socket.</param>
    /// <param name="address">Of the socket's family. Port 0 lets the kernel choose one at random.</param>
    public static SysResult Bind(SocketHandle socket, in DatagramAddress address)
    {
        byte* native = stackalloc byte[SocketAddress.BytesMax];
        int nativeBytes = address.WriteTo(new Span<byte>(native, SocketAddress.BytesMax));
        using FdLease lease = new(socket);
        return SysResult.From(LibC.bind(lease.Number, (sockaddr*)native, (socklen_t)nativeBytes));
    }

    /// <summary>Sends to, and takes from, this address alone (connect(2)).</summary>
    /// <returns>ENETUNREACH; EPERM by a firewall.</returns>
    public static SysResult Connect(SocketHandle socket, in DatagramAddress address)
    {
        byte* native = stackalloc byte[SocketAddress.BytesMax];
        int nativeBytes = address.WriteTo(new Span<byte>(native, SocketAddress.BytesMax));
        using FdLease lease = new(socket);
        return SysResult.From(LibC.connect(lease.Number, (sockaddr*)native, (socklen_t)nativeBytes));
    }

    /// <summary>Sends one datagram (sendto(2)).</summary>
    /// <returns>EAGAIN when the send buffer is full; EMSGSIZE; ENETUNREACH; what an earlier datagram came to.</returns>
    public static SysResult SendTo(SocketHandle socket, ReadOnlySpan<byte> datagram, in DatagramAddress to)
    {
        byte* native = stackalloc byte[SocketAddress.BytesMax];
        int nativeBytes = to.WriteTo(new Span<byte>(native, SocketAddress.BytesMax));
        using FdLease lease = new(socket);
        fixed (byte* start = datagram)
        {
            return SysResult.From((nint)(long)LibC.sendto(
                lease.Number,
                start,
                (size_t)datagram.Length,
                LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL,
                (sockaddr*)native,
                (socklen_t)nativeBytes));
        }
    }

    /// <summary>Takes one datagram, with where it came from and where it was going (recvmsg(2)).</summary>
    /// <param name="socket">A socket with <see cref="SocketOptions.ReceiveOriginalDestination"/>.</param>
    /// <param name="destination">Room for it: what is longer is cut.</param>
    /// <param name="source">Who sent it.</param>
    /// <param name="original">The address it was sent to, before TPROXY; the default value where the kernel does not say.</param>
    /// <returns>Its bytes, 0 among them; EAGAIN when there is none.</returns>
    public static SysResult Receive(
        SocketHandle socket, Span<byte> destination, out DatagramAddress source, out DatagramAddress original)
    {
        source = default;
        original = default;
        byte* name = stackalloc byte[SocketAddress.BytesMax];
        byte* control = stackalloc byte[ControlBytes];
        using FdLease lease = new(socket);
        fixed (byte* start = destination)
        {
            iovec part = new() { iov_base = start, iov_len = (size_t)destination.Length };
            msghdr message = new()
            {
                msg_name = name,
                msg_namelen = (socklen_t)SocketAddress.BytesMax,
                msg_iov = &part,
                msg_iovlen = 1,
                msg_control = control,
                msg_controllen = (socklen_t)ControlBytes,
            };
            SysResult result = SysResult.From((nint)(long)LibC.recvmsg(lease.Number, &message, LibC.MSG_DONTWAIT));
            if (result.Ok)
            {
                int nameBytes = Math.Min((int)(uint)message.msg_namelen, SocketAddress.BytesMax);
                source = DatagramAddress.Read(new ReadOnlySpan<byte>(name, nameBytes));
                original = ReadOriginal(new ReadOnlySpan<byte>(control, Math.Min((int)(uint)message.msg_controllen, ControlBytes)));
            }

            return result;
        }
    }

    private static DatagramAddress ReadOriginal(ReadOnlySpan<byte> control)
    {
        if (control.Length < ControlHeaderBytes)
        {
            return default;
        }

        cmsghdr header = MemoryMarshal.Read<cmsghdr>(control);
        int bytes = (int)(uint)header.cmsg_len;
        bool isOriginal = (header.cmsg_level == LibC.SOL_IP && header.cmsg_type == Libc.IP_ORIGDSTADDR)
            || (header.cmsg_level == LibC.SOL_IPV6 && header.cmsg_type == Libc.IPV6_ORIGDSTADDR);
        return isOriginal && bytes >= ControlHeaderBytes && bytes <= control.Length
            ? DatagramAddress.Read(control[ControlHeaderBytes..bytes])
            : default;
    }
}
