namespace Mesh.Node.Protocols.Http2;

/// <summary>The states of RFC 9113 §5.1. The two reserved states are missing because pushes are refused.</summary>
public enum Http2StreamState
{
    /// <summary>Nothing was sent or received.</summary>
    Idle,

    /// <summary>Both sides may send.</summary>
    Open,

    /// <summary>We sent END_STREAM.</summary>
    HalfClosedLocal,

    /// <summary>The peer sent END_STREAM.</summary>
    HalfClosedRemote,

    /// <summary>Both sides ended, or one reset.</summary>
    Closed,
}
