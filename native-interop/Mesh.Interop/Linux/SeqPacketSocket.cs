using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// A unix SEQPACKET socket (unix(7)): whole messages, in order, each with at most one descriptor (SCM_RIGHTS). Calls block the
/// calling thread up to a timeout, so they belong on a thread of their own and never on an event loop. One thread may receive while
/// another sends; disposing wakes both.
/// </summary>
public sealed unsafe class SeqPacketSocket : IDisposable
{
    /// <summary>The most bytes of a socket's path in the file system, without the terminator.</summary>
    public const int PathBytesMax = 107;

    private const int FamilyBytes = 2;

    // A control message is a cmsghdr (16 bytes on both 64-bit ABIs, sys/socket.h), then descriptors, then padding to 8 bytes. Counted by
    // hand: CMSG_LEN of Tmds.LibC 0.5.0 counts the padding in, which the kernel reads as one more descriptor, number 0.
    private const int DescriptorsOffset = 16;
    private const int ControlAlignment = 8;

    // Room for as many descriptors as a message can carry: surplus ones then arrive, and are closed, instead of truncating the message.
    private const int ControlBytes = DescriptorsOffset + (Libc.SCM_MAX_FD + 1) * sizeof(int);

    private readonly FileDescriptorHandle _descriptor;
    private int _disposed;

    private SeqPacketSocket(FileDescriptorHandle descriptor) => _descriptor = descriptor;

    /// <summary>The descriptor, to wait for readiness elsewhere. Closed with this object.</summary>
    public SafeHandle Handle => _descriptor;

    /// <summary>Who is on the other end of an accepted or connected socket.</summary>
    /// <exception cref="PosixException">The socket is not connected.</exception>
    public PeerCredentials Peer
    {
        get
        {
            ucred credentials;
            socklen_t bytes = (socklen_t)sizeof(ucred);
            using FdLease lease = new(_descriptor);
            SysResult result = SysResult.From(LibC.getsockopt(lease.Number, LibC.SOL_SOCKET, LibC.SO_PEERCRED, &credentials, &bytes));
            result.OrThrow("getsockopt SO_PEERCRED");
            return new PeerCredentials(credentials.pid, credentials.uid, credentials.gid);
        }
    }

    /// <summary>
    /// Listens at a path. A socket file on which nobody listens any more is replaced; anything else there is left alone. The file is
    /// made for its owner alone (mode 0600) before anybody can connect. Two processes that start to listen at one path at one time may both
    /// succeed, the later taking the path: keep a lock where that can be.
    /// </summary>
    /// <param name="path">At most <see cref="PathBytesMax"/> bytes of UTF-8. Its directory must exist.</param>
    /// <param name="backlog">Connections that may wait to be accepted.</param>
    /// <exception cref="ArgumentException">The path is empty, too long or contains a NUL.</exception>
    /// <exception cref="PosixException">
    /// EADDRINUSE when somebody listens there, or another kind of file is in the way; ENOENT, EACCES.
    /// </exception>
    public static SeqPacketSocket Listen(string path, int backlog)
    {
        byte* address = stackalloc byte[sizeof(sockaddr_un)];
        socklen_t addressBytes = WriteAddress(path, address);
        TryOpen(out FileDescriptorHandle? opened).OrThrow($"socket for {path}");
        FileDescriptorHandle descriptor = opened!;
        try
        {
            using FdLease lease = new(descriptor);
            SysResult bound = SysResult.From(LibC.bind(lease.Number, (sockaddr*)address, addressBytes));
            if (bound.Error == Errno.EADDRINUSE && IsLeftOver(address, addressBytes))
            {
                SysResult.From(LibC.unlink(address + FamilyBytes)).OrThrow($"unlink {path}");
                bound = SysResult.From(LibC.bind(lease.Number, (sockaddr*)address, addressBytes));
            }

            bound.OrThrow($"bind {path}");
            SysResult.From(LibC.chmod(address + FamilyBytes, (mode_t)0x180 /* 0600 */)).OrThrow($"chmod {path}");
            SysResult.From(LibC.listen(lease.Number, backlog)).OrThrow($"listen {path}");
            return new SeqPacketSocket(descriptor);
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    /// <summary>Connects to a listener.</summary>
    /// <param name="path">At most <see cref="PathBytesMax"/> bytes of UTF-8.</param>
    /// <param name="connected">The connection on success, else null.</param>
    /// <returns>ENOENT or ECONNREFUSED when nobody listens; EACCES; EAGAIN when the listener's backlog is full; EMFILE, ENFILE.</returns>
    /// <exception cref="ArgumentException">The path is empty, too long or contains a NUL.</exception>
    public static SysResult Connect(string path, out SeqPacketSocket? connected)
    {
        byte* address = stackalloc byte[sizeof(sockaddr_un)];
        socklen_t addressBytes = WriteAddress(path, address);
        connected = null;
        SysResult result = TryOpen(out FileDescriptorHandle? descriptor);
        if (descriptor is null)
        {
            return result;
        }

        using (FdLease lease = new(descriptor))
        {
            result = SysResult.From(LibC.connect(lease.Number, (sockaddr*)address, addressBytes));
        }

        if (!result.Ok)
        {
            descriptor.Dispose();
            return result;
        }

        connected = new SeqPacketSocket(descriptor);
        return result;
    }

    /// <summary>Waits for a connection.</summary>
    /// <param name="timeout">Zero looks without waiting; <see cref="Timeout.InfiniteTimeSpan"/> waits without limit.</param>
    /// <param name="accepted">The connection on success, else null.</param>
    /// <returns>ETIMEDOUT; EMFILE or ENFILE, when the connection still waits; ECANCELED when this object was disposed meanwhile.</returns>
    public SysResult Accept(TimeSpan timeout, out SeqPacketSocket? accepted)
    {
        var deadline = new Deadline(timeout);
        using FdLease lease = new(_descriptor);
        while (true)
        {
            SysResult result = SysResult.From(LibC.accept4(lease.Number, null, null, LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC));
            if (result.Ok)
            {
                accepted = new SeqPacketSocket(new FileDescriptorHandle(result.Count));
                return SysResult.Success();
            }

            if (!ShouldRetry(ref result, lease.Number, LibC.POLLIN, deadline))
            {
                accepted = null;
                return result;
            }

            // A listener that was shut down is ready for ever and has nothing to accept.
            if (Volatile.Read(ref _disposed) != 0)
            {
                accepted = null;
                return SysResult.Failure(Errno.ECANCELED);
            }
        }
    }

    /// <summary>Sends one message, waiting for room.</summary>
    /// <param name="message">1 byte or more, as a message of none cannot be told from the end.</param>
    /// <param name="descriptor">Goes with the message and stays the caller's; null for none.</param>
    /// <param name="timeout">As for <see cref="Accept"/>.</param>
    /// <returns>The length of the message; ETIMEDOUT; EMSGSIZE when it is longer than the send buffer; EPIPE or ECONNRESET.</returns>
    /// <exception cref="ArgumentException"><paramref name="message"/> is empty.</exception>
    public SysResult Send(ReadOnlySpan<byte> message, SafeHandle? descriptor, TimeSpan timeout)
    {
        if (message.IsEmpty)
        {
            throw new ArgumentException("A message of no bytes cannot be told from the end of the connection.", nameof(message));
        }

        if (descriptor is null)
        {
            return SendWith(descriptors: [], message, timeout);
        }

        using FdLease passed = new(descriptor);
        return SendWith([passed.Number], message, timeout);
    }

    /// <summary>Receives one message, waiting for it.</summary>
    /// <param name="destination">As long as the longest message the protocol allows.</param>
    /// <param name="descriptor">The descriptor that came with it, close-on-exec, or null. If more came, they have been closed.</param>
    /// <param name="timeout">As for <see cref="Accept"/>.</param>
    /// <returns>
    /// The length of the message; 0 when the other end has closed, or this one was disposed; ETIMEDOUT; ECONNRESET. EMSGSIZE when the
    /// message did not fit, EBADMSG when descriptors were lost, for want of free numbers or by a security module: then the message is
    /// gone, nothing of it may be trusted, and the connection should be closed.
    /// </returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is empty.</exception>
    public SysResult Receive(Span<byte> destination, out SafeFileHandle? descriptor, TimeSpan timeout)
    {
        if (destination.IsEmpty)
        {
            throw new ArgumentException("There must be room for a message.", nameof(destination));
        }

        descriptor = null;
        var deadline = new Deadline(timeout);
        byte* control = stackalloc byte[ControlBytes];
        using FdLease lease = new(_descriptor);
        fixed (byte* start = destination)
        {
            while (true)
            {
                iovec part = new() { iov_base = start, iov_len = (size_t)destination.Length };
                msghdr message = new()
                {
                    msg_iov = &part,
                    msg_iovlen = 1,
                    msg_control = control,
                    msg_controllen = (socklen_t)ControlBytes,
                };
                SysResult result = SysResult.From(
                    (nint)(long)LibC.recvmsg(lease.Number, &message, LibC.MSG_DONTWAIT | LibC.MSG_CMSG_CLOEXEC));
                if (result.Ok)
                {
                    return TakeDescriptor(message, result, out descriptor);
                }

                if (!ShouldRetry(ref result, lease.Number, LibC.POLLIN, deadline))
                {
                    return result;
                }
            }
        }
    }

    /// <summary>
    /// Ends the connection, wakes threads that wait here, and closes the descriptor when they have left. A listener's file stays: by now
    /// it may be another listener's.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            using FdLease lease = new(_descriptor);
            _ = LibC.shutdown(lease.Number, LibC.SHUT_RDWR);
        }

        _descriptor.Dispose();
    }

    /// <summary>Sends a message with descriptors that the caller holds open; at most <see cref="Libc.SCM_MAX_FD"/>.</summary>
    internal SysResult SendWith(ReadOnlySpan<int> descriptors, ReadOnlySpan<byte> message, TimeSpan timeout)
    {
        var deadline = new Deadline(timeout);
        byte* control = stackalloc byte[ControlBytes];
        int controlBytes = WriteControl(descriptors, new Span<byte>(control, ControlBytes));
        using FdLease lease = new(_descriptor);
        fixed (byte* start = message)
        {
            iovec part = new() { iov_base = start, iov_len = (size_t)message.Length };
            msghdr native = new()
            {
                msg_iov = &part,
                msg_iovlen = 1,
                msg_control = control,
                msg_controllen = (socklen_t)controlBytes,
            };
            while (true)
            {
                SysResult result = SysResult.From(
                    (nint)(long)LibC.sendmsg(lease.Number, &native, LibC.MSG_DONTWAIT | LibC.MSG_NOSIGNAL));
                if (result.Ok || !ShouldRetry(ref result, lease.Number, LibC.POLLOUT, deadline))
                {
                    return result;
                }
            }
        }
    }

    private static int WriteControl(ReadOnlySpan<int> descriptors, Span<byte> destination)
    {
        if (descriptors.IsEmpty)
        {
            return 0;
        }

        int controlBytes = DescriptorsOffset + descriptors.Length * sizeof(int);
        cmsghdr header = new()
        {
            cmsg_len = (socklen_t)controlBytes,
            cmsg_level = LibC.SOL_SOCKET,
            cmsg_type = LibC.SCM_RIGHTS,
        };
        MemoryMarshal.Write(destination, in header);
        MemoryMarshal.AsBytes(descriptors).CopyTo(destination[DescriptorsOffset..]);
        return controlBytes;
    }

    private static SysResult TakeDescriptor(msghdr message, SysResult result, out SafeFileHandle? descriptor)
    {
        descriptor = null;
        var control = new ReadOnlySpan<byte>(message.msg_control, (int)(uint)message.msg_controllen);
        while (control.Length >= DescriptorsOffset)
        {
            cmsghdr header = MemoryMarshal.Read<cmsghdr>(control);
            int controlBytes = (int)(uint)header.cmsg_len;
            if (controlBytes < DescriptorsOffset || controlBytes > control.Length)
            {
                break;
            }

            if (header.cmsg_level == LibC.SOL_SOCKET && header.cmsg_type == LibC.SCM_RIGHTS)
            {
                TakeFirst(MemoryMarshal.Cast<byte, int>(control[DescriptorsOffset..controlBytes]), ref descriptor);
            }

            int alignedBytes = (controlBytes + ControlAlignment - 1) & -ControlAlignment;
            control = control[Math.Min(alignedBytes, control.Length)..];
        }

        Errno loss = (message.msg_flags & LibC.MSG_TRUNC) != 0 ? Errno.EMSGSIZE
            : (message.msg_flags & LibC.MSG_CTRUNC) != 0 ? Errno.EBADMSG
            : Errno.None;
        if (loss == Errno.None)
        {
            return result;
        }

        descriptor?.Dispose();
        descriptor = null;
        return SysResult.Failure(loss);
    }

    /// <summary>Owns every number: the first becomes the descriptor, unless there is one; the others are closed.</summary>
    private static void TakeFirst(ReadOnlySpan<int> numbers, ref SafeFileHandle? descriptor)
    {
        foreach (int number in numbers)
        {
            var received = new SafeFileHandle(number, ownsHandle: true);
            if (descriptor is null)
            {
                descriptor = received;
            }
            else
            {
                received.Dispose();
            }
        }
    }

    private static SysResult TryOpen(out FileDescriptorHandle? descriptor)
    {
        int type = LibC.SOCK_SEQPACKET | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC;
        SysResult result = SysResult.From(LibC.socket(LibC.AF_UNIX, type, 0));
        descriptor = result.Ok ? new FileDescriptorHandle(result.Count) : null;
        return result;
    }

    /// <summary>
    /// A socket file is left over when connecting to it is refused. Any other file refuses too, so its kind is looked at first.
    /// </summary>
    private static bool IsLeftOver(byte* address, socklen_t addressBytes)
    {
        statx status;
        SysResult read = SysResult.From(
            LibC.statx(LibC.AT_FDCWD, address + FamilyBytes, LibC.AT_SYMLINK_NOFOLLOW, LibC.STATX_TYPE, &status));
        if (!read.Ok || !LibC.S_ISSOCK((mode_t)status.stx_mode))
        {
            return false;
        }

        TryOpen(out FileDescriptorHandle? opened).OrThrow("socket");
        using FileDescriptorHandle probe = opened!;
        using FdLease lease = new(probe);
        return SysResult.From(LibC.connect(lease.Number, (sockaddr*)address, addressBytes)).Error == Errno.ECONNREFUSED;
    }

    private static socklen_t WriteAddress(string path, byte* destination)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (path.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(path) > PathBytesMax)
        {
            throw new ArgumentException($"A socket's path is at most {PathBytesMax} bytes and has no NUL: {path}", nameof(path));
        }

        var target = new Span<byte>(destination, sizeof(sockaddr_un));
        target.Clear();
        ushort family = (ushort)LibC.AF_UNIX;
        MemoryMarshal.Write(target, in family);
        int pathBytes = Encoding.UTF8.GetBytes(path, target[FamilyBytes..]);
        return (socklen_t)(FamilyBytes + pathBytes + 1);
    }

    /// <summary>After EAGAIN, waits for readiness until the deadline; after that, the result becomes ETIMEDOUT.</summary>
    private static bool ShouldRetry(ref SysResult result, int descriptor, short events, Deadline deadline)
    {
        if (result.Error == Errno.EINTR)
        {
            return true;
        }

        if (!result.WouldBlock)
        {
            return false;
        }

        pollfd wait = new() { fd = descriptor, events = events };
        SysResult ready = SysResult.From(Libc.poll(&wait, 1, deadline.RemainingMs()));
        if (ready.Error == Errno.EINTR || (ready.Ok && ready.Count > 0))
        {
            return true;
        }

        result = ready.Ok ? SysResult.Failure(Errno.ETIMEDOUT) : ready;
        return false;
    }

    /// <summary>An instant on the monotonic clock, so that a wait cut short by a signal does not begin anew.</summary>
    private readonly struct Deadline
    {
        private readonly long _start = Stopwatch.GetTimestamp();
        private readonly TimeSpan _timeout;

        internal Deadline(TimeSpan timeout)
        {
            if (timeout != Timeout.InfiniteTimeSpan)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero);
                ArgumentOutOfRangeException.ThrowIfGreaterThan(timeout.TotalMilliseconds, int.MaxValue, nameof(timeout));
            }

            _timeout = timeout;
        }

        /// <summary>For poll: -1 is without limit. Rounded up, so that the last wait does not spin.</summary>
        internal int RemainingMs()
        {
            if (_timeout == Timeout.InfiniteTimeSpan)
            {
                return -1;
            }

            TimeSpan remaining = _timeout - Stopwatch.GetElapsedTime(_start);
            return remaining <= TimeSpan.Zero ? 0 : (int)Math.Min(int.MaxValue, Math.Ceiling(remaining.TotalMilliseconds));
        }
    }
}
