using Mesh.Interop.OpenSsl;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Tls;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>Names what a failed handshake means.</summary>
internal static class TlsReasons
{
    public static CloseReason ReasonFor(TlsHandshakeResult handshake) =>
        handshake.Status == TlsHandshakeStatus.TimedOut ? CloseReason.HandshakeTimeout : ReasonFor(handshake.Failure);

    /// <summary>The reason a session's failure stands for; a handshake that was given up has none of its own.</summary>
    public static CloseReason ReasonFor(TlsFailure? failure) => failure?.Kind switch
    {
        TlsFailureKind.NoPeerCertificate => CloseReason.NoPeerCertificate,
        TlsFailureKind.UnknownAuthority => CloseReason.UnknownAuthority,
        TlsFailureKind.Expired => CloseReason.PeerCertificateExpired,
        TlsFailureKind.NotYetValid => CloseReason.PeerCertificateNotYetValid,
        TlsFailureKind.Revoked => CloseReason.PeerCertificateRevoked,
        TlsFailureKind.WrongTrustDomain => CloseReason.WrongTrustDomain,
        TlsFailureKind.IdentityRejected or TlsFailureKind.IdentityMalformed or TlsFailureKind.AuthorityAsLeaf =>
            CloseReason.PeerIdentityRejected,
        TlsFailureKind.PeerAlert => CloseReason.RefusedByPeer,
        _ => CloseReason.HandshakeFailed,
    };
}
