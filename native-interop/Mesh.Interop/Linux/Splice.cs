using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// Moves bytes between a socket and a pipe without bringing them into this process (splice(2)). Never blocks and allocates nothing.
/// </summary>
public static unsafe class Splice
{
    /// <summary>Moves what has arrived on a socket into a pipe.</summary>
    /// <param name="source">A connected socket.</param>
    /// <param name="pipe">Where the bytes go.</param>
    /// <param name="bytesMax">At least 1, because moving nothing returns 0 as the end of the stream does.</param>
    /// <returns>
    /// The bytes moved; 0 when the peer has finished sending; EAGAIN when nothing has arrived <em>or</em> the pipe is full, even
    /// after the last byte: only an empty pipe tells which, and a pipe is full when its pages are, however little is in each.
    /// ECONNRESET, ETIMEDOUT. EINVAL when the socket cannot splice.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytesMax"/> is below 1.</exception>
    public static SysResult FromSocket(SocketHandle source, PipePair pipe, int bytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMax, 1);
        using FdLease from = new(source);
        using FdLease to = new(pipe.WriteEnd);
        return SysResult.From((nint)(long)LibC.splice(
            from.Number, null, to.Number, null, (size_t)bytesMax, Flags));
    }

    /// <summary>Moves bytes out of a pipe and into a socket's send buffer.</summary>
    /// <param name="pipe">Holds at least <paramref name="bytes"/>.</param>
    /// <param name="target">A connected socket.</param>
    /// <param name="bytes">At least 1.</param>
    /// <returns>
    /// The bytes moved, perhaps fewer; EAGAIN when the send buffer is full, or the pipe empty; EPIPE or ECONNRESET. splice has no
    /// MSG_NOSIGNAL; the runtime ignores SIGPIPE for the whole process, so EPIPE comes back here too.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="bytes"/> is below 1.</exception>
    public static SysResult ToSocket(PipePair pipe, SocketHandle target, int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytes, 1);
        using FdLease from = new(pipe.ReadEnd);
        using FdLease to = new(target);
        return SysResult.From((nint)(long)LibC.splice(from.Number, null, to.Number, null, (size_t)bytes, Flags));
    }

    private static uint Flags => (uint)(LibC.SPLICE_F_MOVE | LibC.SPLICE_F_NONBLOCK);
}
