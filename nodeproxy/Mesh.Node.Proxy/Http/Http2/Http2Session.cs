using System.Buffers;
using System.IO.Pipelines;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>
/// Drives one HTTP/2 connection, of either role, over the pipes of a connection, and hands its streams what comes for them.
/// </summary>
/// <remarks>
/// Life: made, <see cref="RunAsync"/> to its end, after which the caller disposes the connection; every stream has ended by then.
/// Frames that
/// are written during a turn leave together at its end. Output is bounded: streams that find it full wait in a queue and are served in
/// order.
/// Input needs no bound of its own, since every stream's window is one. Lives on one loop.
/// </remarks>
internal sealed partial class Http2Session : ITurnEnd, ITimerHandler
{
    private const int PooledStreamsMax = 128;

    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly EventLoop _loop;
    private readonly Http2Connection _http2;
    private readonly Http2SessionOptions _options;
    private readonly IHttp2SessionOwner _owner;
    private readonly BufferBudget? _budget;
    private readonly Http1Input _input;
    private readonly PipeWriter _output;
    private readonly LoopTimer _timer;
    private readonly LoopCompletion<bool> _outputAsked;
    private readonly Queue<Http2SessionStream> _awaitingOutput = new();
    private readonly Stack<Http2SessionStream> _pool = new();
    private readonly int _streamsMax;
    private long _emptySinceMs;
    private long _pingSentMs;
    private ulong _pingOpaque;
    private bool _isPingUnanswered;
    private bool _isFlushAsked;
    private bool _isIdle;

    /// <param name="connection">Ready to carry bytes. The caller's.</param>
    /// <param name="loop">The connection's.</param>
    /// <param name="role">Which side we are. A server reads the preface itself.</param>
    /// <param name="http2">What the protocol is held to, as in <see cref="Http2Settings"/>.</param>
    /// <param name="options">What the session is held to.</param>
    /// <param name="owner">Is told of new streams and of the end of room for them.</param>
    /// <param name="budget">What is held for readers counts towards it; null where nothing is counted.</param>
    public Http2Session(
        ConnectionContext connection,
        EventLoop loop,
        Http2Role role,
        Http2ConnectionOptions http2,
        Http2SessionOptions options,
        IHttp2SessionOwner owner,
        BufferBudget? budget)
    {
        _loop = loop;
        _options = options;
        _owner = owner;
        _budget = budget;
        _streamsMax = http2.LocalStreamsMax;
        _input = new Http1Input(connection.Transport.Input);
        _output = connection.Transport.Output;
        _http2 = new Http2Connection(role, http2, this);
        _timer = new LoopTimer(loop, this);
        _outputAsked = new LoopCompletion<bool>(loop);
        _pingSentMs = _emptySinceMs = loop.NowMs;
    }

    /// <summary>How it ended; none while it has not.</summary>
    public Http2SessionEnd End { get; private set; }

    /// <summary>What more is to be said of its end, for people; null for nothing.</summary>
    public string? EndDetail { get; private set; }

    /// <summary>Streams that have neither been finished nor reset.</summary>
    public int ActiveStreams => _http2.ActiveStreams;

    /// <summary>Whether <see cref="TryOpen"/> would succeed now (clients only).</summary>
    public bool CanOpen => End == Http2SessionEnd.None && _http2.CanOpenStream;

    /// <summary>Streams that may be open at once, as far as is known: the lesser of what both sides allow (clients only).</summary>
    public int StreamsMax => (int)Math.Min(_http2.PeerStreamsMax, _streamsMax);

    /// <summary>Whether no stream will ever be opened again: one side has said GOAWAY, or it has ended.</summary>
    public bool IsGoingAway => End != Http2SessionEnd.None || _http2.IsGoingAway;

    /// <summary>Whether the peer takes extended CONNECT. Known once its settings have come.</summary>
    public bool PeerEnablesConnectProtocol => _http2.PeerEnablesConnectProtocol;

    /// <summary>Whether the peer's settings have come, and so what it allows is known.</summary>
    public bool PeerSettingsReceived => _http2.PeerSettingsReceived;

    /// <summary>To write a head into that is sent at once. Nothing in it survives a call to the session.</summary>
    public HeaderList Block { get; } = new();

    /// <summary>Carries what comes and goes until the end. Called once.</summary>
    public async ValueTask<Http2SessionEnd> RunAsync()
    {
        _http2.Start();
        _timer.Arm(s_tick);
        AskFlush();
        ValueTask writing = WriteAsync();
        while (End == Http2SessionEnd.None)
        {
            if (!_input.TryRead(out InputRead read))
            {
                read = await _input.ReadAsync();
            }

            if (read.Status == InputStatus.Broken)
            {
                TryEnd(Http2SessionEnd.Lost, null);
                break;
            }

            Receive(read.Buffer);
            _input.AdvanceTo(read.Buffer.End);
            if (read.Status == InputStatus.Ended)
            {
                TryEnd(_http2.ActiveStreams == 0 ? Http2SessionEnd.Completed : Http2SessionEnd.Lost, null);
            }
        }

        _timer.Cancel();
        WriteLast();
        _http2.Abandon();
        _output.CancelPendingFlush();
        _outputAsked.TryComplete(true);
        await writing;
        return End;
    }

    /// <summary>Opens a stream and sends the head of its request (clients only).</summary>
    /// <param name="block">As <see cref="Protocols.Http2.Messages.Http2RequestHeads.Write"/> makes it.</param>
    /// <param name="endStream">Nothing follows.</param>
    /// <param name="events">Who is told of the answer.</param>
    /// <returns>The caller's until it releases it; null when there is no room after all (<see cref="CanOpen"/>).</returns>
    public Http2SessionStream? TryOpen(HeaderList block, bool endStream, IHttp2StreamEvents events)
    {
        if (!CanOpen)
        {
            return null;
        }

        Http2SessionStream stream = Take();
        if (!_http2.TryOpenStream(block, endStream, stream, out Http2Stream http2))
        {
            _pool.Push(stream);
            return null;
        }

        stream.Attach(http2);
        stream.Events = events;
        AskFlush();
        return stream;
    }

    /// <summary>
    /// Takes no new streams, lets those that are open end, also those that are on their way, and ends (RFC 9113 §6.8).
    /// </summary>
    public void BeginDrain()
    {
        if (End == Http2SessionEnd.None)
        {
            _http2.BeginDrain();
            AskFlush();
        }
    }

    /// <summary>Ends it now, and every stream with it. The peer is told that it is over, if it still takes that.</summary>
    public void Abort()
    {
        if (End == Http2SessionEnd.None)
        {
            _http2.SendGoAway(Http2ErrorCode.NoError, debug: null);
            Finish(Http2SessionEnd.Aborted, null);
        }
    }

    void ITurnEnd.OnTurnEnd()
    {
        _isFlushAsked = false;
        EndIfOver();
        _outputAsked.TryComplete(true);
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        long nowMs = _loop.NowMs;
        _http2.Tick(nowMs);
        if (_http2.ActiveStreams == 0 && _options.IdleLimit != Timeout.InfiniteTimeSpan && !_http2.IsGoingAway
            && nowMs - _emptySinceMs >= _options.IdleLimit.TotalMilliseconds)
        {
            _isIdle = true;
            _http2.BeginDrain();
        }

        EndStalled(nowMs);
        if (_isPingUnanswered)
        {
            // Nothing else proves that the peer is there: data that arrives may have been on its way when the peer vanished.
            if (nowMs - _pingSentMs >= _options.PingTimeout.TotalMilliseconds)
            {
                Finish(Http2SessionEnd.PingTimeout, null);
            }
        }
        else if (_options.PingInterval != Timeout.InfiniteTimeSpan && nowMs - _pingSentMs >= _options.PingInterval.TotalMilliseconds)
        {
            _pingSentMs = nowMs;
            _isPingUnanswered = true;
            _http2.SendPing(++_pingOpaque);
        }

        if (End == Http2SessionEnd.None)
        {
            _timer.Arm(s_tick);
            AskFlush();
        }
    }

    /// <summary>Takes back a stream that has ended and was let go.</summary>
    internal void Recycle(Http2SessionStream stream)
    {
        if (_pool.Count < PooledStreamsMax)
        {
            _pool.Push(stream);
        }
    }

    private Http2SessionStream Take() =>
        _pool.TryPop(out Http2SessionStream? free) ? free : new Http2SessionStream(this, _loop, _budget);

    private void Receive(in ReadOnlySequence<byte> buffer)
    {
        long nowMs = _loop.NowMs;
        foreach (ReadOnlyMemory<byte> segment in buffer)
        {
            if (End != Http2SessionEnd.None || _http2.Receive(segment.Span, nowMs) != Http2ReceiveStatus.Ok)
            {
                break;
            }
        }

        EndIfOver();
        AskFlush();
    }

    /// <summary>Ends it when the protocol has come to its end, well or not.</summary>
    private void EndIfOver()
    {
        if (End != Http2SessionEnd.None)
        {
            return;
        }

        if (_http2.Error.IsError)
        {
            Http2ConnectionError error = _http2.Error;
            Finish(EndOf(error), $"{error.Reason}: {error.Text}");
        }
        else if (_http2.IsFinished)
        {
            Finish(_isIdle ? Http2SessionEnd.Idle : Http2SessionEnd.Completed, null);
        }
    }

    private static Http2SessionEnd EndOf(in Http2ConnectionError error) => error switch
    {
        { Reason: Http2ErrorReason.HeaderBlockTimeout } => Http2SessionEnd.HeadTimeout,
        { Code: Http2ErrorCode.EnhanceYourCalm } => Http2SessionEnd.Flood,
        _ => Http2SessionEnd.ProtocolError,
    };

    /// <summary>Ends it from whatever runs: who reads is woken, and does the rest.</summary>
    private void Finish(Http2SessionEnd end, string? detail)
    {
        if (TryEnd(end, detail))
        {
            _input.CancelRead();
        }
    }

    private bool TryEnd(Http2SessionEnd end, string? detail)
    {
        if (End != Http2SessionEnd.None)
        {
            return false;
        }

        End = end;
        EndDetail = detail;
        return true;
    }
}
