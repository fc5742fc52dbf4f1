using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Tls;

/// <summary>TLS over a TCP channel. Plaintext goes in and out here; ciphertext goes straight between OpenSSL and the socket.</summary>
/// <remarks>
/// Owns the TCP channel. A driver reads until <see cref="IoStatus.WouldBlock"/>, as on every channel, so records that OpenSSL has already
/// taken off the socket are never left waiting for an edge that will not come.
/// </remarks>
#pragma warning disable CA1001 // Close and Reset, of which every channel gets one, dispose the session.
public sealed class TlsChannel : ByteChannel, IChannelEvents, ITlsIo, ITimerHandler
#pragma warning restore CA1001
{
    private readonly TcpChannel _transport;
    private readonly TlsSession _session;
    private LoopCompletion<TlsHandshakeStatus>? _handshake;
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

    /// <inheritdoc/>
    public override bool IsClosed => _closed;

    /// <inheritdoc/>
    public override bool HasUnsentBytes => !_closed && _session.HasPendingOutput;

    /// <summary>Why the session failed, when it has.</summary>
    public TlsFailure? Failure => _session.Failure;

    /// <summary>The session, for what it knows of the peer.</summary>
    public TlsSession Session => _session;

    /// <summary>Takes the handshake to its end, within the time limit. On failure the caller closes or resets the channel.</summary>
    public async ValueTask<TlsHandshakeResult> HandshakeAsync(TimeSpan timeLimit)
    {
        TlsStatus first = _session.Handshake();
        if (first is TlsStatus.WantRead or TlsStatus.WantWrite)
        {
            _handshake = new LoopCompletion<TlsHandshakeStatus>(Loop);
            ValueTask<TlsHandshakeStatus> done = _handshake.WaitAsync();
            var timer = new LoopTimer(Loop, this);
            timer.Arm(timeLimit);
            TlsHandshakeStatus status = await done;
            timer.Cancel();
            _handshake = null;
            return new TlsHandshakeResult(status, status == TlsHandshakeStatus.Failed ? _session.Failure : null);
        }

        return first == TlsStatus.Done
            ? new TlsHandshakeResult(TlsHandshakeStatus.Done, null)
            : new TlsHandshakeResult(TlsHandshakeStatus.Failed, _session.Failure);
    }

    /// <summary>Ends a pending handshake as failed: its owner has given up.</summary>
    public void CancelHandshake() => _handshake?.TryComplete(TlsHandshakeStatus.Failed);

    /// <inheritdoc/>
    public override IoResult Read(Span<byte> destination)
    {
        if (_closed)
        {
            return IoResult.Failed(Errno.EBADF);
        }

        return _session.Read(destination, out int bytes) switch
        {
            TlsStatus.Done => IoResult.Done(bytes),
            TlsStatus.WantRead or TlsStatus.WantWrite => IoResult.WouldBlock,
            TlsStatus.Closed => IoResult.End,
            _ => IoResult.Failed(Errno.None),
        };
    }

    /// <inheritdoc/>
    public override IoResult Write(ReadOnlySpan<byte> source)
    {
        if (_closed || _closeWriteAsked)
        {
            return IoResult.Failed(Errno.EPIPE);
        }

        return _session.Write(source, out int bytes) switch
        {
            TlsStatus.Done => IoResult.Done(bytes),
            TlsStatus.WantWrite => bytes > 0 ? IoResult.Done(bytes) : IoResult.WouldBlock,
            _ => IoResult.Failed(Errno.None),
        };
    }

    /// <summary>Sends close_notify, then FIN; what was accepted before goes first.</summary>
    public override void CloseWrite()
    {
        if (!_closed)
        {
            _closeWriteAsked = true;
            ContinueCloseWrite();
        }
    }

    /// <inheritdoc/>
    public override void Close()
    {
        if (_closed)
        {
            return;
        }

        // A best effort: a peer that does not take our close_notify now will see the FIN all the same.
        if (_session.IsHandshakeDone && _session.Failure is null)
        {
            _session.CloseWrite();
        }

        End();
        _transport.Close();
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        if (!_closed)
        {
            End();
            _transport.Reset();
        }
    }

    /// <inheritdoc/>
    public override Errno TakeError() => _transport.TakeError();

    SysResult ITlsIo.Receive(Span<byte> destination) => _transport.ReceiveRaw(destination);

    SysResult ITlsIo.Send(ReadOnlySpan<byte> source, bool more) => _transport.SendRaw(source, more);

    void IChannelEvents.OnReadable()
    {
        if (_handshake is not null)
        {
            ContinueHandshake();
        }
        else
        {
            Events?.OnReadable();
        }
    }

    void IChannelEvents.OnWritable()
    {
        if (_handshake is not null)
        {
            ContinueHandshake();
            return;
        }

        if (!_closed && _session.HasPendingOutput && _session.Flush() == TlsStatus.WantWrite)
        {
            return;
        }

        if (_closeWriteAsked)
        {
            ContinueCloseWrite();
        }

        Events?.OnWritable();
    }

    void IChannelEvents.OnFault()
    {
        if (_handshake is not null)
        {
            ContinueHandshake();
        }
        else
        {
            Events?.OnFault();
        }
    }

    void ITimerHandler.OnTimer(LoopTimer timer) => _handshake?.TryComplete(TlsHandshakeStatus.TimedOut);

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

    private void End()
    {
        _closed = true;
        Events = null;
        _handshake?.TryComplete(TlsHandshakeStatus.Failed);
        _session.Dispose();
    }
}
