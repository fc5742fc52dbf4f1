using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Mesh.Interop.Linux;

namespace Mesh.Interop.OpenSsl;

/// <summary>One TLS connection: an SSL above a transport that its owner supplies. Reads and writes plaintext, moves ciphertext.</summary>
/// <remarks>
/// Owned by one thread at a time; every call, and every call it makes to its <see cref="ITlsIo"/> and <see cref="IPeerVerifier"/>, runs on
/// that thread. It never blocks, and after the handshake it allocates nothing.
/// Invariant V: where a peer certificate is required, <see cref="IsHandshakeDone"/> is true only after every rule and the verifier
/// accepted it.
/// </remarks>
public sealed unsafe partial class TlsSession : IDisposable
{
    // RFC 8446 §5.1: the most plaintext one record carries.
    private const int RecordBytesMax = 16 * 1024;

    // A full record of AES-GCM or ChaCha20: 5 bytes of header before it, the content type and a tag of 16 bytes behind it.
    internal const int RecordOnWireBytesMax = RecordBytesMax + 5 + 1 + 16;

    // What one system call carries of a large stream, either way: about the largest packet the kernel hands down at once (64 KiB). A call
    // for each record would send each as a packet of its own, and those cost more than the encryption does.
    internal const int GatheredRecordsMax = 4;

    private readonly SslHandle _ssl;
    private readonly ITlsIo _io;
    private readonly IPeerVerifier? _verifier;
    private readonly TlsServerName? _server;

    private PendingOutput _pending;
    private TlsFailure? _rejection; // Our own refusal, found inside a callback; it explains the failure OpenSSL then reports.
    private ExceptionDispatchInfo? _thrown; // By code of ours that OpenSSL called.
    private Errno _receiveError;
    private Errno _sendError;
    private TlsStatus _readEnd = TlsStatus.Done; // Closed or Failed once nothing more can be read.
    private bool _peerAccepted;
    private bool _isStarved; // The last read took all it could: whatever is still buffered is only part of a record.
    private bool _isGathering; // Another record of the same write comes right behind the one being sent: they leave together.
    private bool _closeSent;
    private bool _isDisposed;

    /// <summary>Makes a session that has not begun its handshake.</summary>
    /// <param name="context">The identity and role. Need not outlive the session.</param>
    /// <param name="io">The transport.</param>
    /// <param name="verifier">Asked within the handshake whether this connection's peer is who it should be.</param>
    /// <exception cref="InvalidOperationException">OpenSSL cannot make a session: the machine is out of memory.</exception>
    public TlsSession(TlsContext context, ITlsIo io, IPeerVerifier verifier)
        : this(context, io, verifier, server: null)
    {
        ArgumentNullException.ThrowIfNull(verifier);
        if (context.IsForServers)
        {
            throw new ArgumentException("A context for servers outside the mesh needs the server's name.", nameof(context));
        }
    }

    /// <summary>Makes a session with a server outside the mesh that has not begun its handshake.</summary>
    /// <param name="context">Of <see cref="TlsContext.CreateForServers"/>. Need not outlive the session.</param>
    /// <param name="io">The transport.</param>
    /// <param name="server">Which server it must be.</param>
    /// <exception cref="InvalidOperationException">OpenSSL cannot make a session: the machine is out of memory.</exception>
    public TlsSession(TlsContext context, ITlsIo io, TlsServerName server)
        : this(context, io, verifier: null, server)
    {
        ArgumentNullException.ThrowIfNull(server);
        if (!context.IsForServers)
        {
            throw new ArgumentException("Workloads of the mesh are not known by names of servers.", nameof(context));
        }

        if (server.Indicated is { Length: > 0 } name
            && LibSsl.SSL_ctrl_text(_ssl, LibSsl.SSL_CTRL_SET_TLSEXT_HOSTNAME, LibSsl.TLSEXT_NAMETYPE_host_name, name) != 1)
        {
            _ssl.Dispose();
            throw new InvalidOperationException($"OpenSSL cannot ask for {name}: {ErrorQueue.TakeText()}.");
        }
    }

    private TlsSession(TlsContext context, ITlsIo io, IPeerVerifier? verifier, TlsServerName? server)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(io);
        Context = context;
        _io = io;
        _verifier = verifier;
        _server = server;

        ErrorQueue.Clear();
        _ssl = LibSsl.SSL_new(context.Handle);
        nint bio = _ssl.IsInvalid ? 0 : LibCrypto.BIO_new(TlsCallbacks.BioMethod);
        if (bio == 0)
        {
            _ssl.Dispose();
            throw new InvalidOperationException($"OpenSSL cannot make a session: {ErrorQueue.TakeText()}.");
        }

        // The session owns the BIO from here on, as both its reading and its writing side.
        LibSsl.SSL_set_bio(_ssl, bio, bio);
        nint callbackData = _ssl.Attach(this);
        LibCrypto.BIO_set_data(bio, callbackData);
        LibCrypto.BIO_set_init(bio, 1);
        if (LibSsl.SSL_set_ex_data(_ssl, SslHandle.SessionSlot, callbackData) != 1)
        {
            _ssl.Dispose();
            throw new InvalidOperationException($"OpenSSL cannot make a session: {ErrorQueue.TakeText()}.");
        }

        if (context.IsServer)
        {
            LibSsl.SSL_set_accept_state(_ssl);
        }
        else
        {
            LibSsl.SSL_set_connect_state(_ssl);
        }
    }

    /// <summary>Why the session failed; <see langword="null"/> while it has not. Once set it only changes to say it more exactly.</summary>
    public TlsFailure? Failure { get; private set; }

    /// <summary>Whether <see cref="Handshake"/> has returned <see cref="TlsStatus.Done"/>.</summary>
    /// <remarks>
    /// A client finishes before the server has judged the client's certificate (RFC 8446 §4.4.2): a refusal reaches it as
    /// <see cref="TlsFailureKind.PeerAlert"/> from its first <see cref="Read"/>.
    /// </remarks>
    public bool IsHandshakeDone { get; private set; }

    /// <summary>
    /// Whether a <see cref="Read"/> can make progress without the transport. While it is true, waiting for the transport to become
    /// readable may wait for ever, because the peer's bytes have already been taken off it.
    /// </summary>
    /// <remarks>False when all that is buffered is part of a record, so a loop that obeys it neither hangs nor spins.</remarks>
    public bool HasBufferedInput => !_isDisposed && _readEnd == TlsStatus.Done && !_isStarved && LibSsl.SSL_has_pending(_ssl) == 1;

    /// <summary>Whether ciphertext waits for the transport to become writable: call <see cref="Flush"/> then.</summary>
    public bool HasPendingOutput => !_pending.IsEmpty;

    /// <summary>The peer's one URI name, known once its certificate has been verified; <see langword="null"/> when it has none.</summary>
    public string? PeerUriSan { get; private set; }

    internal TlsContext Context { get; }

    internal SslHandle Handle => _ssl;

    /// <summary>Takes the handshake as far as the transport allows.</summary>
    /// <returns>
    /// <see cref="TlsStatus.Done"/> once both sides may send (some of ours may still be pending); <see cref="TlsStatus.WantRead"/> or
    /// <see cref="TlsStatus.WantWrite"/> to be called again when the transport is ready; <see cref="TlsStatus.Failed"/> for good, after
    /// the alert, if one is due, was given to the transport or is pending.
    /// </returns>
    public TlsStatus Handshake()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (Failure is not null)
        {
            return TlsStatus.Failed;
        }

        if (IsHandshakeDone)
        {
            return TlsStatus.Done;
        }

        SendPending();
        ErrorQueue.Clear();
        int returned = LibSsl.SSL_do_handshake(_ssl);
        if (returned == 1)
        {
            return FinishHandshake();
        }

        TlsStatus status = Interpret(returned);
        if (status == TlsStatus.WantRead && _sendError != Errno.None)
        {
            // What we sent is lost, so the answer being waited for will never come.
            return Fail(SendFailure());
        }

        if (status == TlsStatus.Closed)
        {
            return Fail(TlsFailureKind.ConnectionLost, "the peer ended the session within the handshake");
        }

        return status == TlsStatus.WantRead && HasPendingOutput ? TlsStatus.WantWrite : status;
    }

    /// <summary>Takes decrypted bytes.</summary>
    /// <param name="destination">Not empty. 16 KiB takes a whole record at once.</param>
    /// <param name="bytes">How many were put there; above zero exactly when the result is <see cref="TlsStatus.Done"/>.</param>
    /// <returns>
    /// <see cref="TlsStatus.Done"/>; <see cref="TlsStatus.WantRead"/>; <see cref="TlsStatus.Closed"/> at the peer's close_notify;
    /// <see cref="TlsStatus.Failed"/>, which includes an end without close_notify; and <see cref="TlsStatus.WantWrite"/> from a peer that
    /// keeps asking for key updates and does not take the answers.
    /// </returns>
    /// <exception cref="InvalidOperationException">The handshake is not done.</exception>
    public TlsStatus Read(Span<byte> destination, out int bytes)
    {
        RequireHandshake();
        ArgumentOutOfRangeException.ThrowIfZero(destination.Length, nameof(destination));
        bytes = 0;
        if (_readEnd != TlsStatus.Done)
        {
            return _readEnd;
        }

        fixed (byte* start = destination)
        {
            do
            {
                ErrorQueue.Clear();
                int returned = LibSsl.SSL_read_ex(_ssl, start + bytes, (nuint)(destination.Length - bytes), out nuint taken);
                if (returned != 1)
                {
                    TlsStatus status = Interpret(returned);
                    _isStarved = status == TlsStatus.WantRead;
                    if (status is TlsStatus.Closed or TlsStatus.Failed)
                    {
                        _readEnd = status;
                    }

                    // What was decrypted before comes first; the end or the failure is told by the next call.
                    return bytes > 0 ? TlsStatus.Done : status;
                }

                _isStarved = false;
                bytes += (int)taken;
            }
            while (bytes < destination.Length && LibSsl.SSL_has_pending(_ssl) == 1);
        }

        return TlsStatus.Done;
    }

    /// <summary>Encrypts and sends, record by record, for as long as the transport takes it.</summary>
    /// <param name="source">May be empty. Need not be the same memory when called again.</param>
    /// <param name="bytes">
    /// How many are done with. The last record of them may be pending; it counts as sent, and <see cref="Flush"/> sends it.
    /// </param>
    /// <returns>
    /// <see cref="TlsStatus.Done"/> when some were taken; <see cref="TlsStatus.WantWrite"/> when none can be before the transport is
    /// writable; <see cref="TlsStatus.Failed"/>, after which <see cref="Read"/> may still find what the peer sent before.
    /// </returns>
    /// <exception cref="InvalidOperationException">The handshake is not done, or <see cref="CloseWrite"/> was called.</exception>
    public TlsStatus Write(ReadOnlySpan<byte> source, out int bytes)
    {
        RequireHandshake();
        if (_closeSent)
        {
            throw new InvalidOperationException("Nothing may be written after the end was.");
        }

        bytes = 0;
        if (Failure is not null)
        {
            return TlsStatus.Failed;
        }

        TlsStatus flushed = Flush();
        if (flushed != TlsStatus.Done)
        {
            return flushed;
        }

        fixed (byte* start = source)
        {
            int encrypted = 0;
            for (int gathered = 1; encrypted < source.Length; gathered++)
            {
                int rest = source.Length - encrypted;
                int record = Math.Min(rest, RecordBytesMax);
                _isGathering = rest > record && gathered < GatheredRecordsMax;
                ErrorQueue.Clear();
                int returned = LibSsl.SSL_write_ex(_ssl, start + encrypted, (nuint)record, out nuint taken);
                if (returned != 1)
                {
                    _isGathering = false;
                    TlsStatus status = Interpret(returned);
                    SendPending();
                    if (status == TlsStatus.Failed)
                    {
                        return status;
                    }

                    // What was encrypted before is on its way and must not be offered again.
                    bytes = encrypted;
                    return bytes > 0 ? TlsStatus.Done : status;
                }

                encrypted += (int)taken;
                if (_isGathering)
                {
                    continue;
                }

                gathered = 0;
                if (Flush() == TlsStatus.Failed)
                {
                    return TlsStatus.Failed;
                }

                bytes = encrypted;
                if (!_pending.IsEmpty)
                {
                    break;
                }
            }
        }

        return TlsStatus.Done;
    }

    /// <summary>Sends what is pending. Call it when the transport has become writable; also after a failure, for the alert.</summary>
    /// <returns>
    /// <see cref="TlsStatus.Done"/> when nothing is pending any more, <see cref="TlsStatus.WantWrite"/> when the transport took no more,
    /// <see cref="TlsStatus.Failed"/> when it is broken.
    /// </returns>
    public TlsStatus Flush()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        SendPending();
        if (_sendError != Errno.None)
        {
            return Fail(SendFailure());
        }

        return _pending.IsEmpty ? TlsStatus.Done : TlsStatus.WantWrite;
    }

    /// <summary>Ends our direction with close_notify; the peer's stays open (RFC 8446 §6.1). Further calls only flush.</summary>
    /// <returns>As <see cref="Flush"/>: once it is <see cref="TlsStatus.Done"/>, the transport's own end may follow.</returns>
    /// <exception cref="InvalidOperationException">The handshake is not done.</exception>
    public TlsStatus CloseWrite()
    {
        RequireHandshake();
        if (Failure is not null)
        {
            return TlsStatus.Failed;
        }

        if (!_closeSent)
        {
            _closeSent = true;
            ErrorQueue.Clear();
            int returned = LibSsl.SSL_shutdown(_ssl);
            if (returned < 0)
            {
                return Interpret(returned);
            }
        }

        return Flush();
    }

    /// <summary>
    /// Releases the native session and drops what is pending, without a word to the peer. Not from within a call it makes.
    /// </summary>
    public void Dispose()
    {
        _isDisposed = true;
        _pending.Release();
        _ssl.Dispose();
    }

    private TlsStatus FinishHandshake()
    {
        if (Context.RequirePeerCertificate && !_peerAccepted)
        {
            // Invariant V. No way here is known; should a version of OpenSSL have one, it ends here.
            return Fail(TlsFailureKind.NoPeerCertificate, "the handshake finished without a verified peer certificate");
        }

        IsHandshakeDone = true;
        return TlsStatus.Done;
    }

    private void SendPending()
    {
        while (!_pending.IsEmpty)
        {
            SysResult sent = _io.Send(_pending.Unsent);
            if (!sent.Ok)
            {
                _ = StopSending(sent);
                return;
            }

            _pending.Advance(sent.Count);
        }
    }

    /// <summary>Whether the transport is broken, as against full.</summary>
    private bool StopSending(SysResult refused)
    {
        if (refused.WouldBlock)
        {
            return false;
        }

        _sendError = refused.Error;
        _pending.Release();
        return true;
    }

    /// <summary>What OpenSSL means by a result that is not success.</summary>
    private TlsStatus Interpret(int returned)
    {
        int error = LibSsl.SSL_get_error(_ssl, returned);
        if (_thrown is ExceptionDispatchInfo thrown)
        {
            _thrown = null;
            thrown.Throw();
        }

        return error switch
        {
            LibSsl.SSL_ERROR_WANT_READ => TlsStatus.WantRead,
            LibSsl.SSL_ERROR_WANT_WRITE => TlsStatus.WantWrite,
            LibSsl.SSL_ERROR_ZERO_RETURN => TlsStatus.Closed,
            _ => Fail(Explain()),
        };
    }

    private TlsFailure Explain()
    {
        string text = ErrorQueue.Take(out int reason);
        if (_rejection is not null)
        {
            return _rejection;
        }

        if (_receiveError != Errno.None)
        {
            return Lost("receiving", _receiveError);
        }

        if (reason > LibSsl.SSL_AD_REASON_OFFSET)
        {
            int alert = reason - LibSsl.SSL_AD_REASON_OFFSET;
            string name = Marshal.PtrToStringUTF8((nint)LibSsl.SSL_alert_desc_string_long(alert)) ?? "unknown";
            return new TlsFailure(TlsFailureKind.PeerAlert, $"the peer sent the alert '{name}': {text}") { AlertNumber = alert };
        }

        if (TransportEnded)
        {
            return IsHandshakeDone
                ? new TlsFailure(TlsFailureKind.Truncated, "the peer ended the connection without close_notify")
                : new TlsFailure(TlsFailureKind.ConnectionLost, "the peer ended the connection within the handshake");
        }

        return new TlsFailure(KindOf(reason), text);
    }

    private static TlsFailureKind KindOf(int reason) => reason switch
    {
        LibSsl.SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE => TlsFailureKind.NoPeerCertificate,
        LibSsl.SSL_R_NO_APPLICATION_PROTOCOL => TlsFailureKind.NoApplicationProtocol,
        LibSsl.SSL_R_UNSUPPORTED_PROTOCOL or LibSsl.SSL_R_VERSION_TOO_LOW => TlsFailureKind.UnsupportedVersion,
        LibSsl.SSL_R_CERTIFICATE_VERIFY_FAILED => TlsFailureKind.InvalidCertificate,
        _ => TlsFailureKind.ProtocolError,
    };

    private TlsStatus Fail(TlsFailureKind kind, string detail) => Fail(new TlsFailure(kind, detail));

    private TlsStatus Fail(TlsFailure failure)
    {
        // The peer's own word explains a broken connection better than the errno that was seen first.
        if (Failure is null || failure.Kind == TlsFailureKind.PeerAlert)
        {
            Failure = failure;
        }

        return TlsStatus.Failed;
    }

    private TlsFailure SendFailure() => Lost("sending", _sendError);

    private static TlsFailure Lost(string what, Errno error) =>
        new(TlsFailureKind.ConnectionLost, $"{what} failed with {error}") { TransportError = error };

    private void RequireHandshake()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (!IsHandshakeDone)
        {
            throw new InvalidOperationException("The handshake is not done.");
        }
    }
}
