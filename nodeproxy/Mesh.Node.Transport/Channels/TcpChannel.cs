using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Node.Transport.Channels;

/// <summary>A TCP connection on a loop.</summary>
/// <remarks>
/// Registered once, edge-triggered. A read that fills less than it was offered has emptied the socket (epoll(7)), so the next read
/// answers <see cref="IoStatus.WouldBlock"/> without a system call until the kernel reports more.
/// A socket that <see cref="TcpConnector"/> connects or <see cref="Listeners.TcpListener"/> accepts resets its connection when it is
/// closed, from its first moment on, and only <see cref="Close"/> takes that back: when the process is killed, the kernel closes its
/// sockets, and a peer must not mistake the stream that was cut for a whole one.
/// </remarks>
public sealed class TcpChannel : ByteChannel, IReadyHandler
{
    private readonly SocketHandle _socket;
    private Registration _registration;
    private bool _readable;
    private bool _writable = true;
    private bool _peerFinished;
    private bool _closed;

    private TcpChannel(EventLoop loop, SocketHandle socket, bool mayRead)
        : base(loop)
    {
        _socket = socket;
        _readable = mayRead;
    }

    /// <inheritdoc/>
    public override bool IsClosed => _closed;

    /// <inheritdoc/>
    public override bool HasUnsentBytes => false;

    /// <summary>For options and splice; owned by the channel.</summary>
    public SocketHandle Socket => _socket;

    /// <summary>Whether the kernel has said that bytes, the end or an error wait to be read.</summary>
    public bool MayRead => _readable;

    /// <summary>Whether the kernel has said that a write may succeed.</summary>
    public bool MayWrite => _writable;

    /// <summary>Whether the kernel has said that the peer finished sending; bytes may still wait before the end.</summary>
    public bool IsPeerFinished => _peerFinished;

    /// <summary>Takes over a connected socket; on failure the socket is closed.</summary>
    public static SysResult TryAttach(LoopShare share, SocketHandle socket, out TcpChannel? channel) =>
        TryAttach(share, socket, mayRead: true, out channel);

    /// <summary>As above for a connection that belongs to no workload.</summary>
    public static SysResult TryAttach(EventLoop loop, SocketHandle socket, out TcpChannel? channel)
    {
        ArgumentNullException.ThrowIfNull(loop);
        return TryAttach(loop.OwnShare, socket, out channel);
    }

    /// <summary>
    /// As above for a socket that was just told to connect: nothing is read before the kernel says that something has come.
    /// </summary>
    internal static SysResult TryAttachConnecting(LoopShare share, SocketHandle socket, out TcpChannel? channel) =>
        TryAttach(share, socket, mayRead: false, out channel);

    /// <inheritdoc/>
    public override IoResult Read(Span<byte> destination) => ResultOf(ReceiveRaw(destination));

    /// <inheritdoc/>
    public override IoResult Write(ReadOnlySpan<byte> source)
    {
        SysResult sent = SendRaw(source);
        return sent.Ok ? IoResult.Done(sent.Count) : sent.WouldBlock ? IoResult.WouldBlock : IoResult.Failed(sent.Error);
    }

    /// <summary>
    /// Copies what has arrived and leaves it to be read, always from the first byte on. Whoever finds too little waits for the next edge:
    /// more bytes, or the end behind them (<see cref="IsPeerFinished"/>), bring one.
    /// </summary>
    /// <param name="destination">At least one byte.</param>
    public IoResult Peek(Span<byte> destination)
    {
        Loop.AssertOnThread();
        if (!_readable)
        {
            return IoResult.WouldBlock;
        }

        SysResult peeked = Sockets.Peek(_socket, destination);
        if (peeked.WouldBlock)
        {
            _readable = false;
        }

        return ResultOf(peeked);
    }

    /// <summary>As <see cref="Read"/>, for a layer above that wants the kernel's own answer. A count of 0 is the end.</summary>
    internal SysResult ReceiveRaw(Span<byte> destination)
    {
        Loop.AssertOnThread();
        if (!_readable)
        {
            return SysResult.Failure(Errno.EAGAIN);
        }

        SysResult received = Sockets.Receive(_socket, destination);
        if (received.WouldBlock)
        {
            _readable = false;
        }

        // Once the peer has finished, its FIN is already behind these bytes and no edge will announce it.
        else if (received.Ok && received.Count < destination.Length && !_peerFinished)
        {
            _readable = false;
        }

        return received;
    }

    /// <summary>As <see cref="Write"/>, for a layer above that wants the kernel's own answer.</summary>
    internal SysResult SendRaw(ReadOnlySpan<byte> source)
    {
        Loop.AssertOnThread();
        if (!_writable)
        {
            return SysResult.Failure(Errno.EAGAIN);
        }

        SysResult sent = Sockets.Send(_socket, source);
        if (sent.WouldBlock || (sent.Ok && sent.Count < source.Length))
        {
            _writable = false;
        }
        else if (!sent.Ok)
        {
            // The connection is over: what arrived before can be read now, although its event may still be on the way.
            _readable = true;
            _peerFinished = true;
        }

        return sent;
    }

    /// <summary>Moves what has arrived into a pipe, behind the back of <see cref="Read"/>.</summary>
    /// <param name="pipe">Empty: only then does EAGAIN say that nothing has arrived (see <see cref="Splice.FromSocket"/>).</param>
    /// <param name="bytesMax">At least 1.</param>
    /// <returns>The bytes moved; 0 at the end of the stream; the kernel's refusal.</returns>
    internal SysResult SpliceInto(PipePair pipe, int bytesMax)
    {
        Loop.AssertOnThread();
        if (!_readable)
        {
            return SysResult.Failure(Errno.EAGAIN);
        }

        // A short splice proves nothing, unlike a short read: the pipe may have run out of pages and not the socket out of bytes.
        SysResult moved = Splice.FromSocket(_socket, pipe, bytesMax);
        if (moved.WouldBlock)
        {
            _readable = false;
        }

        return moved;
    }

    /// <summary>Moves bytes out of a pipe into the socket, behind the back of <see cref="Write"/>.</summary>
    /// <param name="pipe">Holds the bytes.</param>
    /// <param name="bytes">At least 1, and no more than it holds.</param>
    internal SysResult SpliceFrom(PipePair pipe, int bytes)
    {
        Loop.AssertOnThread();
        if (!_writable)
        {
            return SysResult.Failure(Errno.EAGAIN);
        }

        SysResult moved = Splice.ToSocket(pipe, _socket, bytes);
        if (moved.WouldBlock || (moved.Ok && moved.Count < bytes))
        {
            _writable = false;
        }

        return moved;
    }

    /// <inheritdoc/>
    public override void CloseWrite() => Sockets.Shutdown(_socket, SocketShutdown.Send);

    /// <inheritdoc/>
    public override void Close()
    {
        if (!_closed)
        {
            SocketOptions.ResetOnClose(_socket, false);
            Release();
        }
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        if (!_closed)
        {
            SocketOptions.ResetOnClose(_socket, true);
            Release();
        }
    }

    /// <inheritdoc/>
    public override Errno TakeError() => Sockets.TakeError(_socket);

    /// <summary>Our side's address, as the kernel sees it: under TPROXY the address the client dialled.</summary>
    public IPEndPoint LocalEndPoint() => Sockets.LocalEndPoint(_socket);

    void IReadyHandler.OnReady(EpollEvents events)
    {
        if ((events & EpollEvents.RdHup) != 0)
        {
            _peerFinished = true;
        }

        if ((events & (EpollEvents.In | EpollEvents.RdHup | EpollEvents.Hup | EpollEvents.Err)) != 0)
        {
            _readable = true;
        }

        if ((events & (EpollEvents.Out | EpollEvents.Hup | EpollEvents.Err)) != 0)
        {
            _writable = true;
        }

        if ((events & EpollEvents.Err) != 0)
        {
            Events?.OnFault();
            return;
        }

        if (_readable && (events & ~EpollEvents.Out) != 0)
        {
            Events?.OnReadable();
        }

        if (_writable && !_closed && (events & (EpollEvents.Out | EpollEvents.Hup)) != 0)
        {
            Events?.OnWritable();
        }
    }

    private static IoResult ResultOf(SysResult received) => received.Ok
        ? received.Count == 0 ? IoResult.End : IoResult.Done(received.Count)
        : received.WouldBlock ? IoResult.WouldBlock : IoResult.Failed(received.Error);

    private static SysResult TryAttach(LoopShare share, SocketHandle socket, bool mayRead, out TcpChannel? channel)
    {
        EventLoop loop = share.Loop;
        var created = new TcpChannel(loop, socket, mayRead);
        SysResult registered = loop.Register(share, socket, created, out created._registration);
        if (!registered.Ok)
        {
            socket.Dispose();
            channel = null;
            return registered;
        }

        loop.ConnectionCount++;
        channel = created;
        return registered;
    }

    private void Release()
    {
        _closed = true;
        Events = null;
        Loop.ConnectionCount--;
        Loop.Forget(_registration);
        _socket.Dispose();
    }
}
