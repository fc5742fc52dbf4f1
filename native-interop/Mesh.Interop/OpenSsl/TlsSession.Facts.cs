using System.Runtime.InteropServices;

namespace Mesh.Interop.OpenSsl;

/// <content>What a session knows of its peer and of what was agreed on.</content>
public sealed unsafe partial class TlsSession
{
    /// <summary>The peer's own certificate in DER, made anew at each call; empty when it presented none.</summary>
    public ReadOnlyMemory<byte> PeerLeafDer
    {
        get
        {
            nint leaf = LibSsl.SSL_get0_peer_certificate(_ssl);
            return leaf == 0 ? default : PeerVerification.Encode(leaf);
        }
    }

    /// <summary>The application protocol both agreed on; empty when none was.</summary>
    public string NegotiatedAlpn
    {
        get
        {
            LibSsl.SSL_get0_alpn_selected(_ssl, out byte* protocol, out uint protocolBytes);
            return Context.Protocols.Find(new ReadOnlySpan<byte>(protocol, (int)protocolBytes)) ?? "";
        }
    }

    /// <summary>The suite in use by its RFC name, such as TLS_AES_128_GCM_SHA256; empty before one is agreed.</summary>
    public string CipherName
    {
        get
        {
            nint cipher = LibSsl.SSL_get_current_cipher(_ssl);
            return cipher == 0 ? "" : Marshal.PtrToStringUTF8((nint)LibSsl.SSL_CIPHER_standard_name(cipher)) ?? "";
        }
    }
}
