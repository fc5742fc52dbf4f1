using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Defences;
using Mesh.Node.Protocols.Http2.Frames;
using Mesh.Node.Protocols.Http2.Hpack;
using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Http2;

/// <summary>
/// One HTTP/2 connection, either side, without I/O: bytes in, events out, bytes to send in <see cref="Output"/> (RFC 9113).
/// </summary>
/// <remarks>
/// Life: <see cref="Start"/>, then <see cref="Receive"/> with whatever the transport read and <see cref="Output"/> flushed after every
/// call, then <see cref="Abandon"/> when the transport is gone. Owned by one thread, the loop of its transport; never locked. No clock:
/// callers pass milliseconds of any monotonic one.
/// Re-entrancy: handlers may call everything but <see cref="Receive"/>; their calls never nest (<see cref="IHttp2Handler"/>).
/// Windows: the connection's is returned on receipt, so one reader that stalls cannot stop the others; a stream's on delivery
/// (<see cref="Consumed"/>), so a reader that stalls holds at most its own window.
/// Invariant E: every stream the handler has seen ends with exactly one <see cref="IHttp2Handler.OnStreamClosed"/>.
/// </remarks>
public sealed partial class Http2Connection
{
    /// <summary>Until SETTINGS arrive, nothing limits us (RFC 9113 §6.5.2), so we limit ourselves.</summary>
    private const int PeerStreamsAssumed = 100;

    private const int FrameBytesDefault = 16_384;

    /// <summary>The PING a graceful GOAWAY waits for. The handler never sees its answer.</summary>
    private const ulong DrainPing = 0x6d65_7368_6472_6169;

    private static readonly byte[] s_preface = Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

    private readonly Http2ConnectionOptions _options;
    private readonly IHttp2Handler _handler;
    private readonly HpackEncoder _encoder;
    private readonly HpackDecoder _decoder;
    private FloodGuard _flood;

    private bool _isStarted;
    private bool _isReceiving;
    private bool _isInCallback;
    private long _nowMs;
    private long _startedAtMs = -1;
    private int _settingsUnacked;

    private SendWindow _sendWindow = new(Http2ConnectionOptions.WindowBytesMin);
    private ReceiveWindow _receiveWindow;
    private long _windowClosedSinceMs = -1;

    private int _peerInitialWindowBytes = Http2ConnectionOptions.WindowBytesMin;
    private int _peerFrameBytesMax = FrameBytesDefault;
    private long _peerStreamsMax = PeerStreamsAssumed;

    private GoAwayProgress _goAway;
    private int _goAwayLastStreamId = int.MaxValue;
    private long _drainSinceMs = -1;

    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public Http2Connection(Http2Role role, Http2ConnectionOptions options, IHttp2Handler handler)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(handler);
        options.Validate();
        Role = role;
        _options = options;
        _handler = handler;
        _flood = new FloodGuard(options);
        _encoder = new HpackEncoder(options.EncoderTableBytesMax);
        _decoder = new HpackDecoder(options.HeaderListBytesMax, (long)options.HeaderListBytesMax * options.HeaderListBombFactor);
        _receiveWindow = new ReceiveWindow(options.ConnectionWindowBytes);
        _closedStreams = new ClosedStreams(2 * Math.Max(options.PeerStreamsMax, options.LocalStreamsMax));
        _nextLocalStreamId = role == Http2Role.Client ? 1 : 2;
        _part = role == Http2Role.Server ? FramePart.Preface : FramePart.Header;
        Output = new Http2OutputBuffer(options.OutputHighWaterBytes);
    }

    /// <summary>Which side this is.</summary>
    public Http2Role Role { get; }

    /// <summary>What is to be sent. After an error it ends with GOAWAY: flush it, then close.</summary>
    public Http2OutputBuffer Output { get; }

    /// <summary>Why this side ended the connection; not an error while it lives.</summary>
    public Http2ConnectionError Error { get; private set; }

    /// <summary>Streams that are neither idle nor closed, of both sides.</summary>
    public int ActiveStreams => _localStreams + _peerStreams;

    /// <summary>True when <see cref="TryOpenStream"/> would succeed.</summary>
    public bool CanOpenStream =>
        Role == Http2Role.Client && _isStarted && !Error.IsError && !IsGoingAway
        && _localStreams < Math.Min(_options.LocalStreamsMax, _peerStreamsMax)
        && _nextLocalStreamId > 0 && _nextLocalStreamId <= _options.StreamIdMax
        && Output.UnsentBytes < _options.OutputBytesMax;

    /// <summary>True once either side has said GOAWAY: no new streams here, though those that are open may finish.</summary>
    public bool IsGoingAway => GoAwayReceived || _goAway != GoAwayProgress.None;

    /// <summary>True when the peer sent GOAWAY.</summary>
    public bool GoAwayReceived { get; private set; }

    /// <summary>True when nothing is left to do but flush the output and close the transport.</summary>
    public bool IsFinished => Error.IsError || (ActiveStreams == 0 && (GoAwayReceived || _goAway == GoAwayProgress.Final));

    /// <summary>How many streams the peer lets us have open; 100 until it has said so.</summary>
    public long PeerStreamsMax => _peerStreamsMax;

    /// <summary>The largest header list the peer wants to receive, counted as <see cref="HeaderList.ListBytes"/>. Advisory.</summary>
    public long PeerHeaderListBytesMax { get; private set; } = long.MaxValue;

    /// <summary>True when the peer takes extended CONNECT (RFC 8441).</summary>
    public bool PeerEnablesConnectProtocol { get; private set; }

    /// <summary>True once the peer's first SETTINGS arrived.</summary>
    public bool PeerSettingsReceived { get; private set; }

    /// <summary>What the peer lets us send on all streams together, in bytes.</summary>
    public int SendWindowBytes => _sendWindow.Bytes;

    /// <summary>What the peer may send on all streams together, in bytes.</summary>
    public int ReceiveWindowAvailableBytes => _receiveWindow.AvailableBytes;

    /// <summary>Writes the preface (clients), SETTINGS and the growth of the connection's window.</summary>
    /// <exception cref="InvalidOperationException">Called twice.</exception>
    public void Start()
    {
        if (_isStarted)
        {
            throw new InvalidOperationException("The connection was started.");
        }

        _isStarted = true;
        if (Role == Http2Role.Client)
        {
            s_preface.CopyTo(Output.Reserve(s_preface.Length));
            Output.Commit(s_preface.Length);
        }

        WriteSettings();
        int growthBytes = _options.ConnectionWindowBytes - Http2ConnectionOptions.WindowBytesMin;
        if (growthBytes > 0)
        {
            WriteWindowUpdate(0, growthBytes);
        }
    }

    /// <summary>Tells the connection what time it is: limits in time are judged here. Once a second is enough.</summary>
    public void Tick(long nowMs)
    {
        if (Error.IsError)
        {
            return;
        }

        SetNow(nowMs);
        if (_settingsUnacked > 0 && nowMs - _startedAtMs > _options.SettingsAckMsMax)
        {
            Fail(Http2ErrorReason.SettingsAckTimeout);
        }
        else if (_blockStreamId != 0 && nowMs - _blockSinceMs > _options.HeaderBlockMsMax)
        {
            Fail(Http2ErrorReason.HeaderBlockTimeout);
        }
        else if (_windowClosedSinceMs >= 0 && ActiveStreams > 0 && nowMs - _windowClosedSinceMs > _options.WindowClosedMsMax)
        {
            Fail(Http2ErrorReason.WindowExhausted);
        }
        else if (_goAway == GoAwayProgress.Announced && nowMs - _drainSinceMs > _options.DrainPingMsMax)
        {
            FinishDrain();
        }

        Settle();
    }

    /// <summary>Sends PING; the answer comes as <see cref="IHttp2Handler.OnPingAck"/>.</summary>
    public void SendPing(ulong opaque)
    {
        if (!Error.IsError)
        {
            WritePing(opaque, FrameFlags.None);
            Settle();
        }
    }

    /// <summary>Ends the connection in order: no new streams of the peer from here on; those that are open may finish.</summary>
    /// <param name="code">Why.</param>
    /// <param name="debug">Words for whoever reads the peer's log, at most 256 bytes of them.</param>
    public void SendGoAway(Http2ErrorCode code, string? debug)
    {
        if (Error.IsError)
        {
            return;
        }

        _goAway = GoAwayProgress.Final;
        _goAwayLastStreamId = Math.Min(_goAwayLastStreamId, _lastPeerStreamId);
        WriteGoAway(_goAwayLastStreamId, code, debug ?? "");
        Settle();
    }

    /// <summary>
    /// Ends the connection without losing a request that is on its way: a first GOAWAY forbids nothing, and the final one follows when
    /// the peer has answered a PING sent behind it (RFC 9113 §6.8).
    /// </summary>
    public void BeginDrain()
    {
        if (Error.IsError || _goAway != GoAwayProgress.None)
        {
            return;
        }

        if (Role == Http2Role.Client)
        {
            // A server opens no streams towards us, so nothing can be on its way.
            SendGoAway(Http2ErrorCode.NoError, debug: null);
            return;
        }

        _goAway = GoAwayProgress.Announced;
        _drainSinceMs = _nowMs;
        WriteGoAway(int.MaxValue, Http2ErrorCode.NoError, "");
        WritePing(DrainPing, FrameFlags.None);
        Settle();
    }

    /// <summary>The transport is gone, or the owner will not wait: every stream ends now, and nothing more is sent.</summary>
    /// <param name="code">What the streams are told.</param>
    public void Abandon(Http2ErrorCode code = Http2ErrorCode.ConnectError)
    {
        if (!Error.IsError)
        {
            Error = Http2ConnectionError.For(Http2ErrorReason.ClosedByOwner) with { Code = code };
        }

        CancelReservation();
        Output.Discard();
        Settle();
    }

    private void SetNow(long nowMs)
    {
        _nowMs = nowMs;
        if (_startedAtMs < 0)
        {
            _startedAtMs = nowMs;
        }
    }

    /// <summary>Ends the connection for an error of the peer. Streams are told when the current call settles.</summary>
    private void Fail(Http2ErrorReason reason)
    {
        if (Error.IsError)
        {
            return;
        }

        Error = Http2ConnectionError.For(reason);
        CancelReservation();
        WriteGoAway(Math.Min(_goAwayLastStreamId, _lastPeerStreamId), Error.Code, reason.ToString());
    }

    private void FinishDrain()
    {
        _goAway = GoAwayProgress.Final;
        _goAwayLastStreamId = _lastPeerStreamId;
        WriteGoAway(_goAwayLastStreamId, Http2ErrorCode.NoError, "");
    }

    /// <summary>Every public call ends here: what it caused is told, unless a call further out will do it.</summary>
    private void Settle()
    {
        if (_isInCallback || _isReceiving)
        {
            return;
        }

        if (Error.IsError)
        {
            EndAllStreams(Error.Code);
            ReleaseHeaderBlock();
        }

        TellClosed();
    }

    private enum GoAwayProgress
    {
        None,

        /// <summary>A GOAWAY with the highest identifier was sent: the peer knows, and nothing is refused yet.</summary>
        Announced,

        /// <summary>The last stream that will be served was named.</summary>
        Final,
    }
}
