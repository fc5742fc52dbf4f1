using System.Runtime.InteropServices;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// The part of libssl this engine uses, under its native names. Nothing here may be called before
/// <see cref="OpenSslLibrary.EnsureSupported"/>, which decides where the library comes from.
/// </summary>
internal static unsafe partial class LibSsl
{
    internal const string Name = "libssl.so.3";

    internal const int SSL_CTRL_MODE = 33;
    internal const int SSL_CTRL_SET_READ_AHEAD = 41;
    internal const int SSL_CTRL_SET_SESS_CACHE_MODE = 44;
    internal const int SSL_CTRL_SET_MAX_CERT_LIST = 51;
    internal const int SSL_CTRL_CHAIN_CERT = 89;
    internal const int SSL_CTRL_SET_GROUPS_LIST = 92;
    internal const int SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
    internal const int SSL_CTRL_SET_MAX_PROTO_VERSION = 124;

    internal const int SSL_MODE_ENABLE_PARTIAL_WRITE = 0x01;
    internal const int SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER = 0x02;
    internal const int SSL_MODE_AUTO_RETRY = 0x04;
    internal const int SSL_MODE_NO_AUTO_CHAIN = 0x08;
    internal const int SSL_MODE_RELEASE_BUFFERS = 0x10;

    internal const ulong SSL_OP_IGNORE_UNEXPECTED_EOF = 1ul << 7;
    internal const ulong SSL_OP_ALLOW_CLIENT_RENEGOTIATION = 1ul << 8;
    internal const ulong SSL_OP_NO_TICKET = 1ul << 14;
    internal const ulong SSL_OP_NO_COMPRESSION = 1ul << 17;
    internal const ulong SSL_OP_CIPHER_SERVER_PREFERENCE = 1ul << 22;
    internal const ulong SSL_OP_NO_RENEGOTIATION = 1ul << 30;

    // RFC 8879, since OpenSSL 3.2. Before, nothing compresses certificates and the bits have no meaning.
    internal const ulong SSL_OP_NO_TX_CERTIFICATE_COMPRESSION = 1ul << 32;
    internal const ulong SSL_OP_NO_RX_CERTIFICATE_COMPRESSION = 1ul << 33;

    internal const int SSL_SESS_CACHE_OFF = 0;

    internal const int SSL_VERIFY_NONE = 0x00;
    internal const int SSL_VERIFY_PEER = 0x01;
    internal const int SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 0x02;

    internal const int TLS1_2_VERSION = 0x0303;
    internal const int TLS1_3_VERSION = 0x0304;

    internal const int SSL_CTRL_SET_TLSEXT_HOSTNAME = 55;
    internal const int TLSEXT_NAMETYPE_host_name = 0;

    internal const int SSL_CLIENT_HELLO_ERROR = 0;
    internal const int SSL_CLIENT_HELLO_SUCCESS = 1;

    internal const int SSL_TLSEXT_ERR_OK = 0;
    internal const int SSL_TLSEXT_ERR_ALERT_FATAL = 2;

    internal const uint TLSEXT_TYPE_application_layer_protocol_negotiation = 16;

    internal const int SSL_AD_NO_APPLICATION_PROTOCOL = 120;

    internal const int SSL_ERROR_WANT_READ = 2;
    internal const int SSL_ERROR_WANT_WRITE = 3;
    internal const int SSL_ERROR_ZERO_RETURN = 6;

    internal const int SSL_AD_REASON_OFFSET = 1000;

    internal const int SSL_R_CERTIFICATE_VERIFY_FAILED = 134;
    internal const int SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE = 199;
    internal const int SSL_R_NO_APPLICATION_PROTOCOL = 235;
    internal const int SSL_R_UNSUPPORTED_PROTOCOL = 258;
    internal const int SSL_R_VERSION_TOO_LOW = 396;

    internal const int ERR_LIB_SSL = 20;

    [LibraryImport(Name)]
    internal static partial nint TLS_server_method();

    [LibraryImport(Name)]
    internal static partial nint TLS_client_method();

    [LibraryImport(Name)]
    internal static partial SslContextHandle SSL_CTX_new(nint method);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_free(nint context);

    [LibraryImport(Name)]
    internal static partial nint SSL_CTX_ctrl(SslContextHandle context, int command, nint number, nint pointer);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_ctrl", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint SSL_CTX_ctrl_text(SslContextHandle context, int command, nint number, string text);

    [LibraryImport(Name, EntryPoint = "SSL_ctrl", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint SSL_ctrl_text(SslHandle session, int command, nint number, string text);

    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SSL_CTX_set_cipher_list(SslContextHandle context, string suites);

    [LibraryImport(Name, EntryPoint = "SSL_CTX_ctrl")]
    internal static partial nint SSL_CTX_ctrl_certificate(SslContextHandle context, int command, nint number, X509Handle certificate);

    [LibraryImport(Name)]
    internal static partial ulong SSL_CTX_set_options(SslContextHandle context, ulong options);

    [LibraryImport(Name)]
    internal static partial ulong SSL_CTX_clear_options(SslContextHandle context, ulong options);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_set_num_tickets(SslContextHandle context, nuint tickets);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_set_max_early_data(SslContextHandle context, uint bytes);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_default_read_buffer_len(SslContextHandle context, nuint bytes);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_security_level(SslContextHandle context, int level);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_keylog_callback(SslContextHandle context, nint callback);

    [LibraryImport(Name, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SSL_CTX_set_ciphersuites(SslContextHandle context, string suites);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_set_alpn_protos(SslContextHandle context, byte* protocols, uint protocolsBytes);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_alpn_select_cb(
        SslContextHandle context, delegate* unmanaged[Cdecl]<nint, byte**, byte*, byte*, uint, nint, int> callback, nint argument);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_client_hello_cb(
        SslContextHandle context, delegate* unmanaged[Cdecl]<nint, int*, nint, int> callback, nint argument);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_verify(SslContextHandle context, int mode, nint callback);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_verify_depth(SslContextHandle context, int depth);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set_cert_verify_callback(
        SslContextHandle context, delegate* unmanaged[Cdecl]<nint, nint, int> callback, nint argument);

    [LibraryImport(Name)]
    internal static partial void SSL_CTX_set1_cert_store(SslContextHandle context, X509StoreHandle store);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_use_certificate(SslContextHandle context, X509Handle certificate);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_use_PrivateKey(SslContextHandle context, PrivateKeyHandle key);

    [LibraryImport(Name)]
    internal static partial int SSL_CTX_check_private_key(SslContextHandle context);

    [LibraryImport(Name)]
    internal static partial SslHandle SSL_new(SslContextHandle context);

    [LibraryImport(Name)]
    internal static partial void SSL_free(nint ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_set_bio(SslHandle ssl, nint read, nint write);

    [LibraryImport(Name)]
    internal static partial void SSL_set_accept_state(SslHandle ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_set_connect_state(SslHandle ssl);

    [LibraryImport(Name)]
    internal static partial int SSL_set_ex_data(SslHandle ssl, int index, nint data);

    [LibraryImport(Name)]
    internal static partial nint SSL_get_ex_data(nint ssl, int index);

    [LibraryImport(Name)]
    internal static partial int SSL_get_ex_data_X509_STORE_CTX_idx();

    [LibraryImport(Name)]
    internal static partial int SSL_do_handshake(SslHandle ssl);

    [LibraryImport(Name)]
    internal static partial int SSL_read_ex(SslHandle ssl, byte* destination, nuint destinationBytes, out nuint bytes);

    [LibraryImport(Name)]
    internal static partial int SSL_write_ex(SslHandle ssl, byte* source, nuint sourceBytes, out nuint bytes);

    [LibraryImport(Name)]
    internal static partial int SSL_shutdown(SslHandle ssl);

    [LibraryImport(Name)]
    internal static partial int SSL_has_pending(SslHandle ssl);

    [LibraryImport(Name)]
    internal static partial int SSL_get_error(SslHandle ssl, int returned);

    [LibraryImport(Name)]
    internal static partial nint SSL_get0_peer_certificate(SslHandle ssl);

    [LibraryImport(Name)]
    internal static partial nint SSL_get_peer_cert_chain(SslHandle ssl);

    [LibraryImport(Name)]
    internal static partial void SSL_get0_alpn_selected(SslHandle ssl, out byte* protocol, out uint protocolBytes);

    [LibraryImport(Name)]
    internal static partial void SSL_get0_alpn_selected(nint ssl, out byte* protocol, out uint protocolBytes);

    [LibraryImport(Name)]
    internal static partial int SSL_client_hello_get0_ext(nint ssl, uint type, out byte* data, out nuint dataBytes);

    [LibraryImport(Name)]
    internal static partial nint SSL_get_current_cipher(SslHandle ssl);

    [LibraryImport(Name)]
    internal static partial byte* SSL_CIPHER_standard_name(nint cipher);

    [LibraryImport(Name)]
    internal static partial byte* SSL_alert_desc_string_long(int alert);
}
