namespace Mesh.Interop.OpenSsl;

/// <summary>One connection's own opinion of who its peer may be.</summary>
public interface IPeerVerifier
{
    /// <summary>
    /// Decides within the handshake, after the chain, the revocation lists and the form of the identity were found good. Refusing fails
    /// the handshake with an alert, so a refused peer never looks like a finished handshake on this side.
    /// </summary>
    /// <param name="facts">The verified leaf. Valid during the call only.</param>
    /// <param name="reason">Why the peer is refused, for the log; <see langword="null"/> when it is accepted.</param>
    /// <remarks>Runs on the thread that called the session, must not block, and must not use the session.</remarks>
    bool Accept(in PeerCertificateFacts facts, out string? reason);
}
