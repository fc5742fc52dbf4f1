using System.Diagnostics;
using System.Runtime.ExceptionServices;
using Mesh.Interop.Linux;

namespace Mesh.Interop.OpenSsl;

/// <content>What <see cref="TlsCallbacks"/> calls, always from within an operation of this session and on its thread.</content>
public sealed unsafe partial class TlsSession
{
    internal bool TransportEnded { get; private set; }

    /// <summary>Called by OpenSSL for ciphertext.</summary>
    /// <param name="destination">Where it goes.</param>
    /// <param name="retry">Nothing is there yet.</param>
    /// <returns>The count, 0 at the end, or -1.</returns>
    internal int ReceiveFromTransport(Span<byte> destination, out bool retry)
    {
        retry = false;
        if (TransportEnded)
        {
            return 0;
        }

        SysResult received = _io.Receive(destination);
        if (received.Ok)
        {
            TransportEnded = received.Count == 0;
            return received.Count;
        }

        retry = received.WouldBlock;
        if (!retry)
        {
            _receiveError = received.Error;
        }

        return -1;
    }

    /// <summary>Called by OpenSSL with ciphertext, at most one record at a time.</summary>
    /// <returns>
    /// False when it was not taken and must be offered again. An error of the transport is not told to OpenSSL but kept for the operation
    /// that caused it, because OpenSSL would give up reading too, and what the peer sent last often says why it went away.
    /// </returns>
    internal bool SendToTransport(ReadOnlySpan<byte> record)
    {
        if (_sendError != Errno.None)
        {
            return true;
        }

        if (_isGathering || !_pending.IsEmpty)
        {
            return _pending.TryKeep(record, _isGathering);
        }

        while (!record.IsEmpty)
        {
            SysResult sent = _io.Send(record);
            if (!sent.Ok)
            {
                return StopSending(sent) || _pending.TryKeep(record, isFirstOfMany: false);
            }

            Debug.Assert(sent.Count > 0, "A transport that takes nothing says so with EAGAIN.");
            record = record[sent.Count..];
        }

        return true;
    }

    /// <summary>Called within a handshake that must fail, to say why.</summary>
    internal void Reject(TlsFailure reason) => _rejection ??= reason;

    /// <summary>Called by OpenSSL, within the handshake, when the peer has sent its certificate.</summary>
    /// <returns>False to fail the handshake; the store context then carries the error that makes the alert.</returns>
    internal bool VerifyPeer(nint ssl, nint storeContext)
    {
        if (_server is TlsServerName server)
        {
            return VerifyServer(ssl, storeContext, server);
        }

        TlsFailure? refused = PeerVerification.Verify(storeContext, Context, out string? uriSan);
        if (refused is not null)
        {
            Reject(refused);
            return false;
        }

        refused = VerifyProtocol(ssl) ?? AskVerifier(storeContext, uriSan!);
        if (refused is not null)
        {
            Reject(refused);
            LibCrypto.X509_STORE_CTX_set_error(storeContext, LibCrypto.X509_V_ERR_CERT_REJECTED);
            return false;
        }

        PeerUriSan = uriSan;
        _peerAccepted = true;
        return true;
    }

    /// <summary>The same of a server outside the mesh.</summary>
    private bool VerifyServer(nint ssl, nint storeContext, TlsServerName server)
    {
        TlsFailure? refused = Context.VerifiesNothing ? null : PeerVerification.VerifyServer(storeContext, Context, server);
        refused ??= VerifyProtocol(ssl);
        if (refused is not null)
        {
            Reject(refused);
            return false;
        }

        _peerAccepted = true;
        return true;
    }

    /// <summary>Keeps what code of ours threw inside a callback until the operation returns to managed code.</summary>
    internal void Keep(Exception thrown) => _thrown ??= ExceptionDispatchInfo.Capture(thrown);

    /// <summary>A server has refused a client without a common protocol by then; a client must look at what the server chose.</summary>
    private TlsFailure? VerifyProtocol(nint ssl)
    {
        if (Context.IsServer || Context.Protocols.IsEmpty)
        {
            return null;
        }

        LibSsl.SSL_get0_alpn_selected(ssl, out byte* protocol, out uint protocolBytes);
        return Context.Protocols.Find(new ReadOnlySpan<byte>(protocol, (int)protocolBytes)) is null
            && (Context.RequiresProtocol || protocolBytes > 0)
            ? new TlsFailure(TlsFailureKind.NoApplicationProtocol, "the server chose none of our application protocols")
            : null;
    }

    private TlsFailure? AskVerifier(nint storeContext, string uriSan)
    {
        PeerCertificateFacts facts = PeerVerification.ReadFacts(LibCrypto.X509_STORE_CTX_get0_cert(storeContext), uriSan);
        return _verifier!.Accept(facts, out string? reason)
            ? null
            : new TlsFailure(TlsFailureKind.IdentityRejected, $"{uriSan}: {reason ?? "not accepted on this connection"}");
    }
}
