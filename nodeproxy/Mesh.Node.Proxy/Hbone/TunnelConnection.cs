using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Tls;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>Drives one HTTP/2 connection over a TLS channel: reads, writes, keeps it alive and hands its streams their events.</summary>
/// <remarks>
/// Frames written during a turn leave together at its end, many streams in one TLS record. Output is bounded: streams that find it full
/// wait in a queue and are served in order when it drains. Lives on the channel's loop.
/// </remarks>
internal sealed partial class TunnelConnection : IHttp2Handler, IChannelEvents, ITurnEnd, IReadyHandler, ITimerHandler
{
    /// <summary>What is read at a time from a peer that sends many small frames, so that a turn can end soon after its budget.</summary>
    private const int SmallReadBytes = 4 * 1024;

    /// <summary>
    /// Bytes per stream event below which one read of <see cref="EventLoop.ScratchBytes"/> could hold more than a turn's events.
    /// </summary>
    private const int SmallEventBytes = 64;

    private static readonly TimeSpan s_answerCheckInterval = TimeSpan.FromSeconds(1);

    private readonly ByteChannel _channel;
    private readonly EventLoop _loop;
    private readonly Http2Connection _http2;
    private readonly TunnelOptions _options;
    private readonly ITunnelOwner _owner;
    private readonly LoopTimer _keepAlive;
    private readonly LoopTimer _retirement;
    private readonly Queue<TunnelStream> _awaitingOutput = new();
    private readonly HashSet<TunnelStream> _streams = [];
    private long _emptySinceMs;
    private long _pingSentMs;
    private ulong _pingOpaque;
    private bool _isPingUnanswered;
    private long _leftBytes;
    private int _receivedEvents;
    private bool _readsSmall = true;
    private bool _flushAsked;
    private bool _deferred;
    private bool _closed;
    private bool _draining;
    private CloseReason _drainReason = CloseReason.Completed;
    private (CloseReason Reason, string? Detail) _end;

    private TunnelConnection(
        ByteChannel channel, Http2Role role, Http2ConnectionOptions http2Options, TunnelOptions options, ITunnelOwner owner)
    {
        _channel = channel;
        _loop = channel.Loop;
        _options = options;
        _owner = owner;
        _http2 = new Http2Connection(role, http2Options, this);
        _keepAlive = new LoopTimer(_loop, this);
        _retirement = new LoopTimer(_loop, this);
        _pingSentMs = _emptySinceMs = _loop.NowMs;
    }

    /// <summary>The loop it lives on.</summary>
    public EventLoop Loop => _loop;

    /// <summary>Streams open now.</summary>
    public int StreamCount => _streams.Count;

    /// <summary>Whether it takes a further stream: open, not draining, below the peer's limit and <paramref name="streamsMax"/>.</summary>
    public bool HasRoom(int streamsMax) => !_closed && !_draining && _http2.CanOpenStream && _http2.ActiveStreams < streamsMax;

    /// <summary>Whether it is over.</summary>
    public bool IsClosed => _closed;

    /// <summary>Whether it is over because it was to be, by <see cref="Abort"/>.</summary>
    public bool IsAborted { get; private set; }

    /// <summary>Why a stream ended that the tunnel took with it. Once the tunnel is closed.</summary>
    public (CloseReason Reason, string? Detail) StreamEnd =>
        _end.Reason is CloseReason.Completed or CloseReason.TunnelReleased ? (CloseReason.TunnelLost, _end.Detail) : _end;

    /// <summary>Whether it takes no new stream.</summary>
    public bool IsDraining => _draining || _http2.IsGoingAway;

    /// <summary>Starts HTTP/2 on a channel whose handshake is done; owns the channel.</summary>
    public static TunnelConnection Start(
        ByteChannel channel, Http2Role role, Http2ConnectionOptions http2Options, TunnelOptions options, ITunnelOwner owner)
    {
        var tunnel = new TunnelConnection(channel, role, http2Options, options, owner);
        tunnel._http2.Start();
        channel.Events = tunnel;
        tunnel.ArmTimer();
        tunnel.AskFlush();

        // What came with the handshake's last record is already inside the channel and no edge will announce it.
        tunnel.ReadSome();
        return tunnel;
    }

    /// <summary>Opens a stream (client side). Null when the tunnel has no room after all.</summary>
    public TunnelStream? TryOpenStream(HeaderList headers, ITunnelStreamEvents events)
    {
        var stream = new TunnelStream(this, events) { OutputBefore = _leftBytes + _http2.Output.UnsentBytes };
        if (_closed || _draining || !_http2.TryOpenStream(headers, endStream: false, stream, out Http2Stream? http2))
        {
            return null;
        }

        stream.Attach(http2);
        _streams.Add(stream);
        AskFlush();
        return stream;
    }

    /// <summary>
    /// Says GOAWAY, lets streams end, also those that are on their way, then closes (RFC 9113 §6.8). The owner opens nothing more.
    /// </summary>
    public void BeginDrain()
    {
        if (_closed || _draining)
        {
            return;
        }

        _draining = true;
        _http2.BeginDrain();
        ArmTimer();
        AskFlush();
    }

    /// <summary>
    /// As <see cref="BeginDrain"/>, when the time comes: nothing new begins on the word of a certificate that has expired.
    /// </summary>
    public void RetireAfter(TimeSpan delay)
    {
        if (!_closed)
        {
            _retirement.Arm(delay);
        }
    }

    /// <summary>Ends the tunnel and every stream on it now.</summary>
    public void Abort(CloseReason reason, string? detail)
    {
        if (!_closed)
        {
            _http2.SendGoAway(Http2ErrorCode.NoError, detail);
            _ = Write(out _);
            IsAborted = true;
            Close(reason, detail);
        }
    }

    /// <summary>
    /// Ends the tunnel when its peer's certificate does not stand up to newer roots or revocation lists. One that merely expired meanwhile
    /// was good when each connection began: these go on, and none is added.
    /// </summary>
    public void Recheck(TlsTrust trust)
    {
        if (_closed || _channel is not TlsChannel tls || trust.Check(tls.Session) is not TlsFailure failure)
        {
            return;
        }

        if (failure.Kind == TlsFailureKind.Expired)
        {
            BeginDrain();
        }
        else
        {
            Abort(TlsReasons.ReasonFor(failure), failure.Detail);
        }
    }

    internal void SendHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        _http2.SendHeaders(stream, headers, endStream);
        AskFlush();
    }

    internal Span<byte> Reserve(TunnelStream owner, Http2Stream stream, int bytesMax)
    {
        if (_http2.Output.IsAboveHighWater)
        {
            TryFlush();
        }

        int room = Math.Min(bytesMax, _closed ? 0 : _http2.SendableBytes(stream));
        if (room > 0)
        {
            return _http2.ReserveData(stream, room);
        }

        // Which limit it was is not asked: the queue is served when output drains and when the connection's window opens.
        if (!_closed && !owner.IsQueuedForOutput)
        {
            owner.IsQueuedForOutput = true;
            _awaitingOutput.Enqueue(owner);
        }

        return default;
    }

    internal void Commit(Http2Stream stream, int bytes, bool endStream)
    {
        _http2.CommitData(stream, bytes, endStream);
        if (bytes > 0 || endStream)
        {
            AskFlush();
        }
    }

    internal void CompleteSend(Http2Stream stream)
    {
        _http2.CompleteSend(stream);
        AskFlush();
    }

    internal void Consumed(Http2Stream stream, int bytes)
    {
        _http2.Consumed(stream, bytes);
        if (!_http2.Output.Unsent.IsEmpty)
        {
            AskFlush();
        }
    }

    internal void ResetStream(Http2Stream stream, Http2ErrorCode code)
    {
        if (!_closed)
        {
            _http2.ResetStream(stream, code);
            AskFlush();
        }
    }

    void IChannelEvents.OnReadable() => ReadSome();

    void IChannelEvents.OnWritable() => FlushAndServe();

    void IChannelEvents.OnFault() => Close(LostReason, _channel.TakeError().ToString());

    void IReadyHandler.OnReady(EpollEvents events)
    {
        _deferred = false;
        ReadSome();
    }

    void ITurnEnd.OnTurnEnd()
    {
        _flushAsked = false;
        FlushAndServe();
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        if (timer == _retirement)
        {
            BeginDrain();
            return;
        }

        long nowMs = _loop.NowMs;
        _http2.Tick(nowMs);
        EndIfFailed();
        AskFlushIfOutput();
        if (_streams.Count == 0 && nowMs - _emptySinceMs >= _options.IdleRelease.TotalMilliseconds)
        {
            _drainReason = _draining ? _drainReason : CloseReason.TunnelReleased;
            BeginDrain();
        }

        if (_closed)
        {
            return;
        }

        long sincePingMs = nowMs - _pingSentMs;
        if (_isPingUnanswered)
        {
            // Nothing else proves that the peer is there: data that arrives may have been on its way when the peer vanished.
            if (sincePingMs >= _options.PingTimeout.TotalMilliseconds)
            {
                Close(CloseReason.TunnelPingTimeout, null);
                return;
            }
        }
        else if (sincePingMs >= _options.PingInterval.TotalMilliseconds)
        {
            _pingSentMs = nowMs;
            _isPingUnanswered = true;
            _http2.SendPing(++_pingOpaque);
            AskFlush();
        }

        ArmTimer();
    }

    /// <summary>
    /// For the next PING, and once a second while the peer owes an answer: to a PING, or to the GOAWAY that is to become final.
    /// </summary>
    private void ArmTimer()
    {
        TimeSpan untilPing = _options.PingInterval - TimeSpan.FromMilliseconds(_loop.NowMs - _pingSentMs);
        bool isOwedAnswer = _isPingUnanswered || _draining;
        TimeSpan wait = isOwedAnswer || untilPing <= TimeSpan.Zero ? s_answerCheckInterval : untilPing;
        _keepAlive.Arm(wait < _options.PingInterval ? wait : _options.PingInterval);
    }

    private void ReadSome()
    {
        if (_deferred)
        {
            return;
        }

        // Not the loop's own: those who are told of what comes read from their connections.
        byte[] buffer = _loop.RentScratch();
        ReadSome(buffer);
        _loop.ReturnScratch(buffer);
    }

    private void ReadSome(byte[] buffer)
    {
        int budgetBytes = _options.BytesPerTurnMax;
        _receivedEvents = 0;
        while (!_closed)
        {
            if (budgetBytes <= 0 || _receivedEvents >= _options.EventsPerTurnMax)
            {
                _deferred = true;
                _loop.RunNextTurn(this);
                return;
            }

            int eventsBefore = _receivedEvents;
            IoResult read = _channel.Read(_readsSmall ? buffer.AsSpan(0, SmallReadBytes) : buffer);
            switch (read.Status)
            {
                case IoStatus.Done:
                    budgetBytes -= read.Bytes;
                    if (_http2.Receive(buffer.AsSpan(0, read.Bytes), _loop.NowMs) != Http2ReceiveStatus.Ok)
                    {
                        if (!_closed)
                        {
                            OnProtocolError();
                        }

                        return;
                    }

                    _readsSmall = read.Bytes < (_receivedEvents - eventsBefore) * SmallEventBytes;
                    AskFlushIfOutput();
                    break;
                case IoStatus.WouldBlock:
                    return;
                case IoStatus.End:
                    Close(
                        _streams.Count == 0 && _http2.PeerSettingsReceived ? CloseReason.Completed : LostReason,
                        "the peer closed the connection");
                    return;
                default:
                    CloseUnreadable(read.Error);
                    return;
            }
        }
    }

    /// <summary>What it is to lose the tunnel: a peer that has not even sent its SETTINGS never spoke HTTP/2.</summary>
    private CloseReason LostReason => _http2.PeerSettingsReceived ? CloseReason.TunnelLost : CloseReason.Http2HandshakeFailed;

    private void CloseUnreadable(Errno error)
    {
        if (_channel is TlsChannel { Session.Failure: TlsFailure { Kind: TlsFailureKind.PeerAlert } alert } && !_http2.PeerSettingsReceived)
        {
            // A server judges the client's certificate when for the client the handshake is over (RFC 8446 §4.4.4).
            Close(TlsReasons.ReasonFor(alert), alert.Detail);
            return;
        }

        Close(LostReason, error == Errno.None ? "TLS failed" : error.ToString());
    }

    private void OnProtocolError()
    {
        Http2ConnectionError error = _http2.Error;
        CloseReason reason = error.Code == Http2ErrorCode.EnhanceYourCalm ? CloseReason.Http2FloodRefused
            : _http2.PeerSettingsReceived ? CloseReason.Http2ProtocolError
            : CloseReason.Http2HandshakeFailed;
        _ = Write(out _);
        Close(reason, $"{error.Reason}: {error.Text}");
    }

    private void CloseIfDrained()
    {
        // Finished is more than without streams: as long as the last GOAWAY is not said, one may be on its way.
        if (_draining && !_closed && _streams.Count == 0 && _http2.IsFinished && _http2.Output.Unsent.IsEmpty && !_channel.HasUnsentBytes)
        {
            Close(_drainReason, null);
        }
    }

    private void Close(CloseReason reason, string? detail)
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        _end = (reason, detail);
        _keepAlive.Cancel();
        _retirement.Cancel();
        _awaitingOutput.Clear();
        _channel.Close();
        foreach (TunnelStream stream in _streams)
        {
            stream.Detach();
            bool isUnsent = !IsAborted && stream.OutputBefore >= _leftBytes;
            stream.Events.OnAborted(new TunnelAbort(IsTunnelLost: true, Http2ErrorCode.NoError, isUnsent));
        }

        _streams.Clear();
        _http2.Abandon();
        _owner.OnTunnelClosed(this, reason, detail);
    }
}
