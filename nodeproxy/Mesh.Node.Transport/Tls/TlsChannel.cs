using System.Diagnostics;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Tls;

/// <summary>TLS over a TCP channel. Plaintext goes in and out here; ciphertext goes straight between OpenSSL and the socket.</summary>
/// <remarks>
/// Owns the TCP channel. A driver reads until <see cref="IoStatus.WouldBlock"/>, as on every channel, so records that OpenSSL has already
/// taken off the socket are never left waiting for an edge that will not come. An end is an end only after close_notify; a FIN without
/// it is a failure. Closing does not cut off what was accepted: the socket outlives the channel until it is sent, or until the peer has
/// taken nothing for <see cref="LingerLimit"/>.
/// </remarks>
#pragma warning disable CA1001 // Close and Reset, of which every channel gets one, dispose the session.
public sealed class TlsChannel : ByteChannel, IChannelEvents, ITlsIo, ITimerHandler, IHandshakeStep
#pragma warning restore CA1001
{
    /// <summary>The default of <see cref="LingerLimit"/>.</summary>
    public static readonly TimeSpan LingerLimitDefault = TimeSpan.FromSeconds(30);

    // What is thrown away to get at an alert, or to not answer a refused peer's first words with a reset. A flood is not waited for.
    private const int DiscardedBytesMax = 64 * 1024;
    private const int DiscardBytes = 4 * 1024;

    private readonly TcpChannel _transport;
    private readonly TlsSession _session;
    private LoopCompletion<TlsHandshakeStatus>? _handshake;
    private LoopTimer? _linger;
    private int _lingerUnacknowledgedBytes;
    private bool _awaitsStep;
    private bool _readAwaitsWrite;
    private bool _closeWriteAsked;
    private bool _transportWriteClosed;
    private bool _closed;

    /// <summary>Prepares a session; <see cref="HandshakeAsync"/> begins it. Takes over the transport's events.</summary>
    /// <param name="transport">A connected channel.</param>
    /// <param name="context">Our identity and role.</param>
    /// <param name="verifier">Asked within the handshake whether the peer is who it should be.</param>
    public TlsChannel(TcpChannel transport, TlsContext context, IPeerVerifier verifier)
        : base(transport.Loop)
    {
        _transport = transport;
        _session = new TlsSession(context, this, verifier);
        transport.Events = this;
    }

    /// <summary>Prepares a session with a server outside the mesh.</summary>
    /// <param name="transport">A connected channel.</param>
    /// <param name="context">Of <see cref="TlsContext.CreateForServers"/>.</param>
    /// <param name="server">Which server it must be.</param>
    public TlsChannel(TcpChannel transport, TlsContext context, TlsServerName server)
        : base(transport.Loop)
    {
        _transport = transport;
        _session = new TlsSession(context, this, server);
        transport.Events = this;
    }

    /// <summary>How long a closed channel waits for a peer that takes nothing, before what is left is given up with a reset.</summary>
    public TimeSpan LingerLimit { get; init; } = LingerLimitDefault;

    /// <inheritdoc/>
    public override bool IsClosed => _closed;

    /// <inheritdoc/>
    public override bool HasUnsentBytes => !_closed && _session.HasPendingOutput;

    /// <summary>Why the session failed, when it has.</summary>
    public TlsFailure? Failure => _session.Failure;

    /// <summary>The session, for what it knows of the peer.</summary>
    public TlsSession Session => _session;

    /// <summary>Takes the handshake to its end, within the time limit. Called once.</summary>
    /// <returns>
    /// Whatever the outcome but <see cref="TlsHandshakeStatus.Done"/>, the caller closes or resets the channel. Either lets the alert that
    /// a refused peer is owed arrive.
    /// </returns>
    public async ValueTask<TlsHandshakeResult> HandshakeAsync(TimeSpan timeLimit)
    {
        Loop.AssertOnThread();
        Debug.Assert(_handshake is null && !_session.IsHandshakeDone, "A session has one handshake.");
        _handshake = new LoopCompletion<TlsHandshakeStatus>(Loop);
        ValueTask<TlsHandshakeStatus> done = _handshake.WaitAsync();
        var timer = new LoopTimer(Loop, this);
        timer.Arm(timeLimit);
        AskStep();
        TlsHandshakeStatus status = await done;
        timer.Cancel();
        _handshake = null;
        return new TlsHandshakeResult(status, status == TlsHandshakeStatus.Failed ? _session.Failure : null);
    }

    /// <summary>Ends a pending handshake as failed: its owner has given up.</summary>
    public void CancelHandshake() => _handshake?.TryComplete(TlsHandshakeStatus.Failed);

    /// <inheritdoc/>
    public override IoResult Read(Span<byte> destination)
    {
        Loop.AssertOnThread();
        if (_closed)
        {
            return IoResult.Failed(Errno.EBADF);
        }

        TlsStatus status = _session.Read(destination, out int bytes);
        _readAwaitsWrite = status == TlsStatus.WantWrite;
        return status switch
        {
            TlsStatus.Done => IoResult.Done(bytes),
            TlsStatus.WantRead or TlsStatus.WantWrite => IoResult.WouldBlock,
            TlsStatus.Closed => IoResult.End,
            _ => IoResult.Failed(FailureError()),
        };
    }

    /// <inheritdoc/>
    public override IoResult Write(ReadOnlySpan<byte> source)
    {
        Loop.AssertOnThread();
        if (_closed || _closeWriteAsked)
        {
            return IoResult.Failed(Errno.EPIPE);
        }

        switch (_session.Write(source, out int bytes))
        {
            case TlsStatus.Done:
                return IoResult.Done(bytes);
            case TlsStatus.WantWrite:
                return IoResult.WouldBlock;
            default:
                LearnFailure();
                return IoResult.Failed(FailureError());
        }
    }

    /// <summary>Sends close_notify, then FIN; what was accepted before goes first.</summary>
    public override void CloseWrite()
    {
        Loop.AssertOnThread();
        if (!_closed)
        {
            _closeWriteAsked = true;
            ContinueCloseWrite();
        }
    }

    /// <summary>
    /// Ends both directions in good order: what was accepted and close_notify are still sent, after the channel is gone if need be.
    /// </summary>
    public override void Close()
    {
        Loop.AssertOnThread();
        if (_closed)
        {
            return;
        }

        Detach();
        if (IsHandshakeRefused)
        {
            DiscardInput();
        }
        else if (_session.IsHandshakeDone && _session.Failure is null)
        {
            _session.CloseWrite();
        }

        if (_session.HasPendingOutput && (_session.IsHandshakeDone || IsHandshakeRefused))
        {
            Linger();
        }
        else
        {
            Finish();
        }
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        Loop.AssertOnThread();
        if (_closed)
        {
            return;
        }

        if (IsHandshakeRefused)
        {
            // Nobody can mistake it for a complete stream, and a reset could overtake the alert that says why.
            Close();
            return;
        }

        Detach();
        _session.Dispose();
        _transport.Reset();
    }

    /// <inheritdoc/>
    public override Errno TakeError() =>
        _session.Failure is { TransportError: not Errno.None } failure ? failure.TransportError : _transport.TakeError();

    SysResult ITlsIo.Receive(Span<byte> destination) => _transport.ReceiveRaw(destination);

    SysResult ITlsIo.Send(ReadOnlySpan<byte> source) => _transport.SendRaw(source);

    void IChannelEvents.OnReadable()
    {
        if (_handshake is not null)
        {
            AskStep();
        }
        else
        {
            Events?.OnReadable();
        }
    }

    void IChannelEvents.OnWritable()
    {
        if (_linger is not null)
        {
            ContinueLinger();
            return;
        }

        if (_handshake is not null)
        {
            AskStep();
            return;
        }

        if (_session.HasPendingOutput && _session.Flush() == TlsStatus.WantWrite)
        {
            return;
        }

        if (_closeWriteAsked)
        {
            ContinueCloseWrite();
        }

        if (_readAwaitsWrite)
        {
            _readAwaitsWrite = false;
            Events?.OnReadable();
        }

        Events?.OnWritable();
    }

    void IChannelEvents.OnFault()
    {
        if (_linger is not null)
        {
            Finish();
        }
        else if (_handshake is not null)
        {
            AskStep();
        }
        else
        {
            LearnFailure();
            Events?.OnFault();
        }
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        if (timer != _linger)
        {
            _handshake?.TryComplete(TlsHandshakeStatus.TimedOut);
            return;
        }

        // A slow peer may need long for what the kernel still holds; a peer that takes nothing at all is given up.
        int unacknowledgedBytes = Sockets.BytesUnacknowledged(_transport.Socket);
        if (unacknowledgedBytes < _lingerUnacknowledgedBytes)
        {
            _lingerUnacknowledgedBytes = unacknowledgedBytes;
            timer.Arm(LingerLimit);
            return;
        }

        _linger = null;
        _session.Dispose();
        _transport.Reset();
    }

    void IHandshakeStep.OnStep()
    {
        _awaitsStep = false;
        if (_handshake is { IsWaiting: true } && !_closed)
        {
            ContinueHandshake();
        }
    }

    private bool IsHandshakeRefused => !_session.IsHandshakeDone && _session.Failure is { TransportError: Errno.None };

    private void AskStep()
    {
        if (!_awaitsStep)
        {
            _awaitsStep = true;
            Loop.Handshakes.Step(this);
        }
    }

    private void ContinueHandshake()
    {
        switch (_session.Handshake())
        {
            case TlsStatus.Done:
                _handshake!.TryComplete(TlsHandshakeStatus.Done);
                break;
            case TlsStatus.WantRead or TlsStatus.WantWrite:
                break;
            default:
                _handshake!.TryComplete(TlsHandshakeStatus.Failed);
                break;
        }
    }

    private void ContinueCloseWrite()
    {
        if (!_transportWriteClosed && !_closed && _session.CloseWrite() == TlsStatus.Done)
        {
            _transportWriteClosed = true;
            _transport.CloseWrite();
        }
    }

    /// <summary>
    /// What the peer said last often explains why its connection broke: an alert stands behind the data, before the reset.
    /// </summary>
    private void LearnFailure()
    {
        Span<byte> discarded = stackalloc byte[DiscardBytes];
        for (int bytes = 0; bytes < DiscardedBytesMax && _session.IsHandshakeDone; bytes += DiscardBytes)
        {
            bool isUnexplained = _session.Failure is null or { Kind: TlsFailureKind.ConnectionLost };
            if (!isUnexplained || _session.Read(discarded, out _) != TlsStatus.Done)
            {
                return;
            }
        }
    }

    /// <summary>Unread input would make the kernel answer the close with a reset, which could overtake the alert.</summary>
    private void DiscardInput()
    {
        Span<byte> discarded = stackalloc byte[DiscardBytes];
        for (int bytes = 0; bytes < DiscardedBytesMax; bytes += DiscardBytes)
        {
            SysResult received = _transport.ReceiveRaw(discarded);
            if (!received.Ok || received.Count == 0)
            {
                return;
            }
        }
    }

    private void Linger()
    {
        _lingerUnacknowledgedBytes = Sockets.BytesUnacknowledged(_transport.Socket);
        _linger = new LoopTimer(Loop, this);
        _linger.Arm(LingerLimit);
    }

    private void ContinueLinger()
    {
        if (_session.Flush() != TlsStatus.WantWrite)
        {
            Finish();
            return;
        }

        // It took some, and the kernel holds more than before: the wait begins anew.
        _lingerUnacknowledgedBytes = Sockets.BytesUnacknowledged(_transport.Socket);
        _linger!.Arm(LingerLimit);
    }

    private void Finish()
    {
        _linger?.Cancel();
        _linger = null;
        _session.Dispose();
        _transport.Close();
    }

    private void Detach()
    {
        _closed = true;
        Events = null;
        _handshake?.TryComplete(TlsHandshakeStatus.Failed);
    }

    private Errno FailureError() => _session.Failure is { TransportError: not Errno.None } failure ? failure.TransportError : Errno.EPROTO;
}
