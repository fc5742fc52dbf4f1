namespace Mesh.Interop.OpenSsl;

/// <summary>How an operation on a <see cref="TlsSession"/> ended.</summary>
public enum TlsStatus
{
    /// <summary>It did what was asked; a count beside it says how much.</summary>
    Done,

    /// <summary>Nothing more can happen before the peer sends. Call again when the transport is readable.</summary>
    WantRead,

    /// <summary>Output is waiting for the transport. Call again when it is writable.</summary>
    WantWrite,

    /// <summary>The peer ended its direction with close_notify: a clean end, never a truncation.</summary>
    Closed,

    /// <summary>The session is over; <see cref="TlsSession.Failure"/> says why.</summary>
    Failed,
}
