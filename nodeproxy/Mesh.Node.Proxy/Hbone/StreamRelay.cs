using Mesh.Interop.Linux;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Relay;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>Which of a stream relay's two sides is the client of the carried connection.</summary>
internal enum StreamRelayRole
{
    /// <summary>The socket is the captured client, the stream leads to the upstream.</summary>
    SocketIsClient,

    /// <summary>The stream comes from the client, the socket is the application.</summary>
    SocketIsUpstream,
}

/// <summary>Moves bytes between a socket and a stream of a tunnel until both directions have ended.</summary>
/// <remarks>
/// Socket to stream: the socket is read straight into the tunnel's output, so nothing is copied. Stream to socket: what arrives is written
/// straight to the socket; only what it refuses is held, bounded by the stream's receive window, whose credit is returned on delivery.
/// A broken socket resets the stream with CONNECT_ERROR (RFC 9113 §8.5); a stream that ends without END_STREAM resets the socket, never a
/// silent truncation. Lives on the tunnel's loop.
/// </remarks>
internal sealed class StreamRelay : IChannelEvents, ITunnelStreamEvents, IReadyHandler, ITimerHandler
{
    /// <summary>One TLS record of plaintext, less the frame header: what is offered to a socket that has said little so far.</summary>
    private const int SmallReadBytes = 16_384 - 9;

    /// <summary>
    /// Four of them: what is offered once a read has filled the room. A large stream then takes a quarter of the system calls, and of the
    /// acknowledgements that reading causes.
    /// </summary>
    private const int LargeReadBytes = (4 * 16_384) - 9;

    private readonly ByteChannel _socket;
    private readonly TunnelStream _stream;
    private readonly EventLoop _loop;
    private readonly StreamRelayRole _role;
    private readonly RelayLimits _limits;
    private readonly IRelayMeter _meter;
    private readonly IRelayOwner _owner;
    private readonly LoopTimer _idle;
    private HeldBytes _held;
    private long _activeMs;
    private bool _socketEnded;
    private bool _streamEnded;
    private bool _socketWriteClosed;
    private bool _deferred;
    private bool _readsLarge;
    private bool _ended;

    /// <summary>Nothing moves before <see cref="Start"/>.</summary>
    public StreamRelay(
        ByteChannel socket, TunnelStream stream, StreamRelayRole role, RelayLimits limits, IRelayMeter meter, IRelayOwner owner)
    {
        _socket = socket;
        _stream = stream;
        _loop = socket.Loop;
        _role = role;
        _limits = limits;
        _meter = meter;
        _owner = owner;
        _idle = new LoopTimer(_loop, this);
        _held = new HeldBytes(limits.Buffers);
        _activeMs = _loop.NowMs;
    }

    /// <summary>Takes over both sides and moves what is already there.</summary>
    public void Start()
    {
        _stream.Events = this;
        _socket.Events = this;
        _idle.Arm(_limits.IdleLimit);
        if (!_stream.IsAlive)
        {
            // It went while the socket was being connected, and its last event reached somebody else.
            End(StreamBroken);
            return;
        }

        PumpFromSocket();
    }

    /// <summary>Resets both sides now; the owner is told <see cref="RelayEnd.Aborted"/>.</summary>
    public void Abort() => End(RelayEnd.Aborted);

    void IChannelEvents.OnReadable() => PumpFromSocket();

    void IChannelEvents.OnWritable() => FlushHeld();

    void IChannelEvents.OnFault() => EndBySocket(_socket.TakeError());

    void IReadyHandler.OnReady(EpollEvents events)
    {
        _deferred = false;
        PumpFromSocket();
    }

    void ITunnelStreamEvents.OnResponse(HeaderList headers, bool endStream)
    {
        // Trailers carry nothing for a byte stream; their END_STREAM is the end of the direction.
        if (endStream)
        {
            OnStreamEnd();
        }
    }

    void ITunnelStreamEvents.OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        if (_ended)
        {
            return;
        }

        _activeMs = _loop.NowMs;
        if (_held.IsEmpty && !data.IsEmpty)
        {
            IoResult written = _socket.Write(data);
            if (written.Status == IoStatus.Failed)
            {
                EndBySocket(written.Error);
                return;
            }

            CountToSocket(written.Bytes);
            data = data[written.Bytes..];
        }

        if (!_held.TryAppend(data, _loop.Buffers))
        {
            End(RelayEnd.BufferLimit);
            return;
        }

        if (endStream)
        {
            OnStreamEnd();
        }
    }

    void ITunnelStreamEvents.OnSendable() => PumpFromSocket();

    void ITunnelStreamEvents.OnAborted(TunnelAbort abort)
    {
        // NO_ERROR after the whole response only asks us to stop sending (RFC 9113 §8.1): what arrived is complete and still delivered.
        if (!abort.IsTunnelLost && abort.Code == Http2ErrorCode.NoError && _streamEnded)
        {
            _socketEnded = true;
            FlushHeld();
            EndIfBothEnded();
            return;
        }

        End(StreamBroken);
    }

    void ITunnelStreamEvents.OnFinished() => EndIfBothEnded();

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        TimeSpan left = _limits.LimitOf(IsHalfOpen) - TimeSpan.FromMilliseconds(_loop.NowMs - _activeMs);
        if (left > TimeSpan.Zero)
        {
            _idle.Arm(left);
            return;
        }

        End(IsHalfOpen ? RelayEnd.HalfOpenTimeout : RelayEnd.IdleTimeout);
    }

    private bool IsHalfOpen => _socketEnded || _socketWriteClosed;

    private RelayEnd StreamBroken => _role == StreamRelayRole.SocketIsClient ? RelayEnd.UpstreamBroken : RelayEnd.ClientBroken;

    private void PumpFromSocket()
    {
        if (_deferred || _socketEnded)
        {
            return;
        }

        int budgetBytes = _limits.BytesPerTurnMax;
        while (!_ended)
        {
            if (budgetBytes <= 0)
            {
                _deferred = true;
                _loop.RunNextTurn(this);
                return;
            }

            Span<byte> room = _stream.Reserve(_readsLarge ? LargeReadBytes : SmallReadBytes);
            if (room.IsEmpty)
            {
                return;
            }

            IoResult read = _socket.Read(room);
            switch (read.Status)
            {
                case IoStatus.Done:
                    budgetBytes -= read.Bytes;
                    _readsLarge = read.Bytes >= SmallReadBytes;
                    CountFromSocket(read.Bytes);
                    _stream.Commit(read.Bytes, endStream: false);
                    break;
                case IoStatus.WouldBlock:
                    _stream.Commit(0, endStream: false);
                    return;
                case IoStatus.End:
                    _stream.Commit(0, endStream: false);
                    _socketEnded = true;
                    _stream.CompleteSend();
                    EndIfBothEnded();
                    return;
                default:
                    _stream.Commit(0, endStream: false);
                    EndBySocket(read.Error);
                    return;
            }
        }
    }

    private void OnStreamEnd()
    {
        _streamEnded = true;
        FlushHeld();
    }

    private void FlushHeld()
    {
        while (!_ended && !_held.IsEmpty)
        {
            IoResult written = _socket.Write(_held.First);
            if (written.Status == IoStatus.WouldBlock)
            {
                return;
            }

            if (written.Status != IoStatus.Done)
            {
                EndBySocket(written.Error);
                return;
            }

            _held.Consume(written.Bytes, _loop.Buffers);
            CountToSocket(written.Bytes);
        }

        if (!_ended && _streamEnded && !_socketWriteClosed)
        {
            _socketWriteClosed = true;
            _socket.CloseWrite();
            EndIfBothEnded();
        }
    }

    private void CountFromSocket(int bytes)
    {
        _activeMs = _loop.NowMs;
        if (_role == StreamRelayRole.SocketIsClient)
        {
            _meter.AddSent(bytes);
        }
        else
        {
            _meter.AddReceived(bytes);
        }
    }

    private void CountToSocket(int bytes)
    {
        if (bytes > 0)
        {
            _activeMs = _loop.NowMs;
            if (_role == StreamRelayRole.SocketIsClient)
            {
                _meter.AddReceived(bytes);
            }
            else
            {
                _meter.AddSent(bytes);
            }

            _stream.Consumed(bytes);
        }
    }

    private void EndIfBothEnded()
    {
        if (_socketEnded && _socketWriteClosed)
        {
            End(RelayEnd.Completed);
        }
        else if (!_ended && IsHalfOpen)
        {
            _idle.Arm(_limits.LimitOf(isHalfOpen: true));
        }
    }

    private bool IsOfSocket(RelayEnd end) => _role == StreamRelayRole.SocketIsClient
        ? end is RelayEnd.ClientBroken or RelayEnd.ClientUnresponsive
        : end is RelayEnd.UpstreamBroken or RelayEnd.UpstreamUnresponsive;

    private void EndBySocket(Errno error) => End((_role, error == Errno.ETIMEDOUT) switch
    {
        (StreamRelayRole.SocketIsClient, false) => RelayEnd.ClientBroken,
        (StreamRelayRole.SocketIsClient, true) => RelayEnd.ClientUnresponsive,
        (_, false) => RelayEnd.UpstreamBroken,
        (_, true) => RelayEnd.UpstreamUnresponsive,
    });

    private void End(RelayEnd end)
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        _idle.Cancel();
        _held.Clear(_loop.Buffers);
        if (end == RelayEnd.Completed)
        {
            _socket.Close();
        }
        else
        {
            _socket.Reset();
            _stream.Reset(IsOfSocket(end) ? Http2ErrorCode.ConnectError : Http2ErrorCode.Cancel);
        }

        _owner.OnRelayEnded(end);
    }
}
