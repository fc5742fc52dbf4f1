using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>How a stream came to its end.</summary>
/// <param name="Kind">Who ended it.</param>
/// <param name="Code">What was said, or was to be said; no error where both sides have finished.</param>
internal readonly record struct Http2StreamEnd(Http2StreamEndKind Kind, Http2ErrorCode Code);

/// <inheritdoc cref="Http2StreamEnd"/>
internal enum Http2StreamEndKind
{
    /// <summary>It has not.</summary>
    None,

    /// <summary>Both sides have said all they had to say.</summary>
    Finished,

    /// <summary>The peer reset it, or will not serve it, as its GOAWAY says.</summary>
    ResetByPeer,

    /// <summary>We reset it, because of what its owner wanted.</summary>
    ResetByUs,

    /// <summary>We reset it, because what came on it was malformed.</summary>
    Malformed,

    /// <summary>What came on it could not be held any more.</summary>
    BufferLimit,

    /// <summary>The peer took nothing of what waited for it, for too long.</summary>
    Stalled,

    /// <summary>Its connection has ended.</summary>
    ConnectionLost,
}
