using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Listeners;

/// <summary>Accepts connections on one loop, a bounded number a turn.</summary>
/// <remarks>
/// When descriptors run out the queue is left alone and tried again shortly, so the proxy recovers without being told.
/// An accepted socket has the listening one's options (no delay, keep-alive, user timeout, linger), so those that hold for every connection
/// are set once, before it listens.
/// </remarks>
public sealed class TcpListener : IReadyHandler, ITimerHandler
{
    // Each begins a connection, which may take tens of microseconds.
    private const int AcceptsPerTurnMax = 8;
    private static readonly TimeSpan s_retryAfterShortage = TimeSpan.FromMilliseconds(50);

    private readonly EventLoop _loop;
    private readonly SocketHandle _socket;
    private readonly IAcceptHandler _handler;
    private readonly LoopTimer _retry;
    private Registration _registration;
    private bool _pending;
    private bool _deferred;
    private bool _closed;

    private TcpListener(EventLoop loop, SocketHandle socket, IAcceptHandler handler)
    {
        _loop = loop;
        _socket = socket;
        _handler = handler;
        _retry = new LoopTimer(loop, this);
    }

    /// <summary>Begins accepting on a socket that already listens; owns it. Loop thread.</summary>
    /// <param name="share">Whose time of the loop accepting uses.</param>
    /// <param name="listening">Owned, whatever comes of it.</param>
    /// <param name="handler">Takes what is accepted.</param>
    /// <param name="listener">On success.</param>
    public static SysResult TryStart(LoopShare share, SocketHandle listening, IAcceptHandler handler, out TcpListener? listener)
    {
        ArgumentNullException.ThrowIfNull(share);
        SocketOptions.ResetOnClose(listening);
        var created = new TcpListener(share.Loop, listening, handler);
        SysResult registered = share.Loop.Register(share, listening, created, out created._registration);
        if (!registered.Ok)
        {
            listening.Dispose();
        }

        listener = registered.Ok ? created : null;
        return registered;
    }

    /// <summary>As above for a listener that belongs to no workload.</summary>
    public static SysResult TryStart(EventLoop loop, SocketHandle listening, IAcceptHandler handler, out TcpListener? listener)
    {
        ArgumentNullException.ThrowIfNull(loop);
        return TryStart(loop.OwnShare, listening, handler, out listener);
    }

    /// <summary>Goes on after the handler had said that it cannot accept. Loop thread.</summary>
    public void Resume()
    {
        if (_pending && !_closed)
        {
            AcceptSome();
        }
    }

    /// <summary>Stops accepting and closes the socket; connections in its queue are reset by the kernel. Loop thread.</summary>
    public void Close()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        _retry.Cancel();
        _loop.Unregister(_socket, _registration);
        _socket.Dispose();
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        if (events == EpollEvents.None)
        {
            _deferred = false;
        }

        if (!_closed)
        {
            AcceptSome();
        }
    }

    void ITimerHandler.OnTimer(LoopTimer timer) => AcceptSome();

    private void AcceptSome()
    {
        _pending = true;
        for (int i = 0; i < AcceptsPerTurnMax; i++)
        {
            if (!_handler.CanAccept)
            {
                return;
            }

            SysResult result = Sockets.TryAccept(_socket, out SocketHandle? accepted, out IPEndPoint? peer);
            if (result.Ok)
            {
                _handler.OnAccepted(accepted!, peer!);
                if (_closed)
                {
                    return;
                }

                continue;
            }

            if (result.WouldBlock)
            {
                _pending = false;
                return;
            }

            if (ConcernsOneConnection(result.Error))
            {
                continue;
            }

            _handler.OnAcceptFailed(result.Error);
            _retry.Arm(s_retryAfterShortage);
            return;
        }

        if (!_deferred)
        {
            _deferred = true;
            _loop.RunNextTurn(this);
        }
    }

    /// <summary>The connection ended in the queue, or the network fails it (accept(2)); the next may be well.</summary>
    private static bool ConcernsOneConnection(Errno error) => error is Errno.ECONNABORTED or Errno.EINTR or Errno.EPROTO or Errno.EPERM
        or Errno.ENETDOWN or Errno.ENETUNREACH or Errno.EHOSTDOWN or Errno.EHOSTUNREACH or Errno.ENONET or Errno.ENOPROTOOPT
        or Errno.EOPNOTSUPP;
}
