using Mesh.Interop.OpenSsl;

namespace Mesh.Node.Transport.Tls;

/// <summary>What came of a handshake.</summary>
public enum TlsHandshakeStatus
{
    /// <summary>Both sides may send, and the peer is who the verifier accepted.</summary>
    Done,

    /// <summary>It did not finish within the time limit.</summary>
    TimedOut,

    /// <summary>It failed; see the failure.</summary>
    Failed,
}

/// <summary>The outcome of <see cref="TlsChannel.HandshakeAsync"/>.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Failure">Set when it failed.</param>
public readonly record struct TlsHandshakeResult(TlsHandshakeStatus Status, TlsFailure? Failure);
