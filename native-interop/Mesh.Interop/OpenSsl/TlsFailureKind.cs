namespace Mesh.Interop.OpenSsl;

/// <summary>Why a TLS session failed: the name that logs and metrics carry.</summary>
public enum TlsFailureKind
{
    /// <summary>The peer presented no certificate where one is required.</summary>
    NoPeerCertificate,

    /// <summary>The peer's chain does not end at a root of the mesh.</summary>
    UnknownAuthority,

    /// <summary>A certificate of the peer's chain has expired.</summary>
    Expired,

    /// <summary>A certificate of the peer's chain is not valid yet.</summary>
    NotYetValid,

    /// <summary>A certificate of the peer's chain is on a revocation list.</summary>
    Revoked,

    /// <summary>The chain breaks another rule: signature, purpose, key strength, path length, constraint, form.</summary>
    InvalidCertificate,

    /// <summary>The peer presented a certificate that may sign others, which can be nobody's identity.</summary>
    AuthorityAsLeaf,

    /// <summary>The leaf does not carry exactly one URI name, or it is not a SPIFFE ID.</summary>
    IdentityMalformed,

    /// <summary>The peer's SPIFFE ID belongs to a trust domain that is not accepted here.</summary>
    WrongTrustDomain,

    /// <summary>The connection's own <see cref="IPeerVerifier"/> refused the peer.</summary>
    IdentityRejected,

    /// <summary>The peer offered, or chose, none of our application protocols.</summary>
    NoApplicationProtocol,

    /// <summary>The peer does not speak TLS 1.3.</summary>
    UnsupportedVersion,

    /// <summary>The peer broke the protocol, or its bytes were not TLS at all.</summary>
    ProtocolError,

    /// <summary>The peer ended the session with a fatal alert; <see cref="TlsFailure.AlertNumber"/> says which.</summary>
    PeerAlert,

    /// <summary>The transport ended without close_notify: what was received may have been cut short.</summary>
    Truncated,

    /// <summary>The transport failed, or ended within the handshake.</summary>
    ConnectionLost,
}
