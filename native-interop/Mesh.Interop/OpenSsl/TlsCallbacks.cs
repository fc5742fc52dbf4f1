using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// Where OpenSSL calls back into managed code. Each runs on the thread, and within the call, of the session operation that caused it. No
/// exception may cross native frames, so the session keeps it and throws it again when the operation returns.
/// </summary>
internal static unsafe class TlsCallbacks
{
    private static readonly Lazy<BioMethodHandle> s_bioMethod = new(CreateBioMethod);

    /// <summary>
    /// The kind of BIO that asks its session for bytes. One for the process; never released, because any BIO may be using it.
    /// </summary>
    internal static BioMethodHandle BioMethod => s_bioMethod.Value;

    /// <summary>Refuses a client that offers no application protocol at all; OpenSSL asks nobody about that case.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnClientHello(nint ssl, int* alert, nint argument)
    {
        if (LibSsl.SSL_client_hello_get0_ext(ssl, LibSsl.TLSEXT_TYPE_application_layer_protocol_negotiation, out _, out _) == 1)
        {
            return LibSsl.SSL_CLIENT_HELLO_SUCCESS;
        }

        if (SslHandle.Find(LibSsl.SSL_get_ex_data(ssl, SslHandle.SessionSlot)) is TlsSession session)
        {
            session.Reject(new TlsFailure(TlsFailureKind.NoApplicationProtocol, "the client offered no application protocol"));
        }

        *alert = LibSsl.SSL_AD_NO_APPLICATION_PROTOCOL;
        return LibSsl.SSL_CLIENT_HELLO_ERROR;
    }

    /// <summary>Chooses the application protocol of a session being accepted.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnSelectProtocol(nint ssl, byte** chosen, byte* chosenBytes, byte* offered, uint offeredBytes, nint _)
    {
        TlsSession? session = SslHandle.Find(LibSsl.SSL_get_ex_data(ssl, SslHandle.SessionSlot));
        ReadOnlySpan<byte> offer = new(offered, (int)offeredBytes);
        if (session is null || !session.Context.Protocols.TryChoose(offer, out ReadOnlySpan<byte> choice))
        {
            return LibSsl.SSL_TLSEXT_ERR_ALERT_FATAL;
        }

        // The choice is a part of what was offered, which OpenSSL holds for as long as it needs it.
        *chosen = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(choice));
        *chosenBytes = (byte)choice.Length;
        return LibSsl.SSL_TLSEXT_ERR_OK;
    }

    /// <summary>
    /// Stands in for OpenSSL's own verification. 1 accepts; 0 fails the handshake with an alert made from the context's error.
    /// </summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnVerifyPeer(nint storeContext, nint _)
    {
        nint ssl = LibCrypto.X509_STORE_CTX_get_ex_data(storeContext, LibSsl.SSL_get_ex_data_X509_STORE_CTX_idx());
        TlsSession? session = SslHandle.Find(LibSsl.SSL_get_ex_data(ssl, SslHandle.SessionSlot));
        if (session is null)
        {
            LibCrypto.X509_STORE_CTX_set_error(storeContext, LibCrypto.X509_V_ERR_APPLICATION_VERIFICATION);
            return 0;
        }

        try
        {
            return session.VerifyPeer(ssl, storeContext) ? 1 : 0;
        }
        catch (Exception problem)
        {
            session.Keep(problem);
            LibCrypto.X509_STORE_CTX_set_error(storeContext, LibCrypto.X509_V_ERR_APPLICATION_VERIFICATION);
            return 0;
        }
    }

    /// <summary>
    /// Hears of each thing OpenSSL dislikes about a chain, and lets pass what only says that a revocation status is unknown or out of
    /// date. Whether a list names the certificate is still asked afterwards.
    /// </summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    internal static int OnVerifyProblem(int accepted, nint storeContext)
    {
        if (accepted == 1)
        {
            return 1;
        }

        switch (LibCrypto.X509_STORE_CTX_get_error(storeContext))
        {
            case LibCrypto.X509_V_ERR_UNABLE_TO_GET_CRL:
            case LibCrypto.X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
            case LibCrypto.X509_V_ERR_DIFFERENT_CRL_SCOPE:
            case LibCrypto.X509_V_ERR_CRL_NOT_YET_VALID:
            case LibCrypto.X509_V_ERR_CRL_HAS_EXPIRED:
                LibCrypto.X509_STORE_CTX_set_error(storeContext, LibCrypto.X509_V_OK);
                return 1;
            default:
                return 0;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnBioRead(nint bio, byte* destination, nuint destinationBytes, nuint* bytes)
    {
        LibCrypto.BIO_clear_flags(bio, LibCrypto.BIO_FLAGS_RWS | LibCrypto.BIO_FLAGS_SHOULD_RETRY);
        *bytes = 0;
        if (SslHandle.Find(LibCrypto.BIO_get_data(bio)) is not TlsSession session)
        {
            return -1;
        }

        try
        {
            Span<byte> free = new(destination, (int)nuint.Min(destinationBytes, int.MaxValue));
            int received = session.ReceiveFromTransport(free, out bool retry);
            if (retry)
            {
                LibCrypto.BIO_set_flags(bio, LibCrypto.BIO_FLAGS_READ | LibCrypto.BIO_FLAGS_SHOULD_RETRY);
            }

            *bytes = (nuint)Math.Max(received, 0);
            return received > 0 ? 1 : received;
        }
        catch (Exception problem)
        {
            session.Keep(problem);
            return -1;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnBioWrite(nint bio, byte* source, nuint sourceBytes, nuint* bytes)
    {
        LibCrypto.BIO_clear_flags(bio, LibCrypto.BIO_FLAGS_RWS | LibCrypto.BIO_FLAGS_SHOULD_RETRY);
        *bytes = 0;
        if (SslHandle.Find(LibCrypto.BIO_get_data(bio)) is not TlsSession session)
        {
            return -1;
        }

        try
        {
            int length = (int)nuint.Min(sourceBytes, int.MaxValue);
            if (!session.SendToTransport(new ReadOnlySpan<byte>(source, length)))
            {
                LibCrypto.BIO_set_flags(bio, LibCrypto.BIO_FLAGS_WRITE | LibCrypto.BIO_FLAGS_SHOULD_RETRY);
                return -1;
            }

            *bytes = (nuint)length;
            return 1;
        }
        catch (Exception problem)
        {
            session.Keep(problem);
            return -1;
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint OnBioControl(nint bio, int command, nint _, nint __) => command switch
    {
        // What is not sent yet is the session's to flush, so to OpenSSL everything written is on its way.
        LibCrypto.BIO_CTRL_FLUSH => 1,
        LibCrypto.BIO_CTRL_EOF => SslHandle.Find(LibCrypto.BIO_get_data(bio)) is { TransportEnded: true } ? 1 : 0,
        _ => 0,
    };

    private static BioMethodHandle CreateBioMethod()
    {
        BioMethodHandle method = LibCrypto.BIO_meth_new(LibCrypto.BIO_get_new_index() | LibCrypto.BIO_TYPE_SOURCE_SINK, "mesh transport");
        bool complete = !method.IsInvalid
            && LibCrypto.BIO_meth_set_read_ex(method, &OnBioRead) == 1
            && LibCrypto.BIO_meth_set_write_ex(method, &OnBioWrite) == 1
            && LibCrypto.BIO_meth_set_ctrl(method, &OnBioControl) == 1;
        if (!complete)
        {
            method.Dispose();
            throw new TlsConfigurationException($"OpenSSL refused a new kind of BIO: {ErrorQueue.TakeText()}.");
        }

        return method;
    }
}
