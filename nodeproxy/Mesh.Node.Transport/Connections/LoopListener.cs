using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Listeners;
using Mesh.Node.Transport.Tls;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Transport.Connections;

/// <summary>Accepts connections on one loop and hands them out, after their TLS handshake where there is one. Loop thread.</summary>
public sealed class LoopListener : IConnectionListener, IAcceptHandler
{
    private readonly EventLoop _loop;
    private readonly ListenerOptions _options;
    private readonly Queue<ChannelConnection> _ready = new();
    private readonly LoopCompletion<bool> _arrived;
    private TcpListener? _listener;
    private int _handshaking;
    private bool _unbound;

    private LoopListener(EventLoop loop, ListenerOptions options, EndPoint endPoint)
    {
        _loop = loop;
        _options = options;
        EndPoint = endPoint;
        _arrived = new LoopCompletion<bool>(loop);
    }

    /// <inheritdoc/>
    public EndPoint EndPoint { get; }

    bool IAcceptHandler.CanAccept =>
        _ready.Count + _handshaking < _options.ReadyMax && (_options.Tls is null || _loop.Handshakes.HasRoom);

    internal static LoopListener Start(EventLoop loop, SocketHandle listening, ListenerOptions options)
    {
        loop.AssertOnThread();
        SocketOptions.NoDelay(listening, true);
        var created = new LoopListener(loop, options, Sockets.LocalEndPoint(listening));
        SysResult started = TcpListener.TryStart(loop, listening, created, out created._listener);
        if (!started.Ok)
        {
            throw new PosixException(started.Error, "epoll_ctl(listener)");
        }

        loop.Handshakes.RoomMade += created._listener!.Resume;
        return created;
    }

    /// <summary>The next connection; null once nothing more will come. One caller at a time.</summary>
    /// <exception cref="OperationCanceledException">The caller gave up before one came.</exception>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        _loop.AssertOnThread();
        using CancellationTokenRegistration cancellation = cancellationToken.UnsafeRegister(
            static state => ((LoopListener)state!).WakeFromAnyThread(), this);
        while (true)
        {
            if (_ready.TryDequeue(out ChannelConnection? connection))
            {
                _listener!.Resume();
                return connection;
            }

            if (_unbound && _handshaking == 0)
            {
                return null;
            }

            cancellationToken.ThrowIfCancellationRequested();
            await _arrived.WaitAsync();
        }
    }

    /// <summary>Stops accepting. What was accepted can still be taken.</summary>
    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _loop.AssertOnThread();
        if (!_unbound)
        {
            _unbound = true;
            _loop.Handshakes.RoomMade -= _listener!.Resume;
            _listener.Close();
            _arrived.TryComplete(true);
        }

        return ValueTask.CompletedTask;
    }

    /// <summary>Stops accepting and resets what nobody took.</summary>
    public async ValueTask DisposeAsync()
    {
        await UnbindAsync();
        while (_ready.TryDequeue(out ChannelConnection? connection))
        {
            connection.Abort(new ConnectionAbortedException("The listener is gone."));
            await connection.DisposeAsync();
        }
    }

    void IAcceptHandler.OnAccepted(SocketHandle socket, IPEndPoint peer)
    {
        SysResult attached = TcpChannel.TryAttach(_loop, socket, out TcpChannel? channel);
        if (!attached.Ok)
        {
            _options.AcceptFailed?.Invoke(attached.Error);
        }
        else if (_options.Tls is ListenerTls tls)
        {
            _ = SecureAsync(channel!, tls, peer);
        }
        else
        {
            Offer(channel!, channel!.LocalEndPoint(), peer);
        }
    }

    void IAcceptHandler.OnAcceptFailed(Errno error) => _options.AcceptFailed?.Invoke(error);

    private async Task SecureAsync(TcpChannel socket, ListenerTls options, IPEndPoint peer)
    {
        IPEndPoint local = socket.LocalEndPoint();
        if (!_loop.Handshakes.TryEnter())
        {
            socket.Reset();
            return;
        }

        _handshaking++;
        var channel = new TlsChannel(socket, options.Context, options.Verifier);
        TlsHandshakeResult handshake = await channel.HandshakeAsync(options.HandshakeLimit);
        _handshaking--;
        _loop.Handshakes.Leave();
        if (handshake.Status == TlsHandshakeStatus.Done && !_unbound)
        {
            Offer(channel, local, peer);
        }
        else
        {
            channel.Reset();
            _arrived.TryComplete(true);
        }

        _listener!.Resume();
    }

    private void Offer(ByteChannel channel, IPEndPoint local, IPEndPoint peer)
    {
        _ready.Enqueue(ChannelConnection.Start(channel, _options.Connections, local, peer));
        _arrived.TryComplete(true);
    }

    private void WakeFromAnyThread() => _loop.Post(() => _arrived.TryComplete(true));
}
