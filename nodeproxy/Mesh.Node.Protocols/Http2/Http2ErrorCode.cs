namespace Mesh.Node.Protocols.Http2;

/// <summary>
/// The error codes of RST_STREAM and GOAWAY (RFC 9113 §7). A code outside this list is valid and means no more than INTERNAL_ERROR.
/// </summary>
public enum Http2ErrorCode : uint
{
    /// <summary>NO_ERROR: a graceful end, or "I need no more of this request".</summary>
    NoError = 0x0,

    /// <summary>PROTOCOL_ERROR: the peer broke a rule that has no code of its own.</summary>
    ProtocolError = 0x1,

    /// <summary>INTERNAL_ERROR: the sender failed.</summary>
    InternalError = 0x2,

    /// <summary>FLOW_CONTROL_ERROR: more bytes than the window, or a window beyond 2^31-1.</summary>
    FlowControlError = 0x3,

    /// <summary>SETTINGS_TIMEOUT: settings were not acknowledged in time.</summary>
    SettingsTimeout = 0x4,

    /// <summary>STREAM_CLOSED: a frame for a stream that was already ended.</summary>
    StreamClosed = 0x5,

    /// <summary>FRAME_SIZE_ERROR: a frame of a size its type does not allow.</summary>
    FrameSizeError = 0x6,

    /// <summary>REFUSED_STREAM: refused before any work, so it may be tried again.</summary>
    RefusedStream = 0x7,

    /// <summary>CANCEL: no longer needed.</summary>
    Cancel = 0x8,

    /// <summary>COMPRESSION_ERROR: the HPACK state of the connection is lost.</summary>
    CompressionError = 0x9,

    /// <summary>CONNECT_ERROR: the TCP connection behind a CONNECT was reset or failed.</summary>
    ConnectError = 0xa,

    /// <summary>ENHANCE_YOUR_CALM: the peer causes excessive load.</summary>
    EnhanceYourCalm = 0xb,

    /// <summary>INADEQUATE_SECURITY: the transport's properties are not good enough.</summary>
    InadequateSecurity = 0xc,

    /// <summary>HTTP_1_1_REQUIRED: use HTTP/1.1 instead.</summary>
    Http11Required = 0xd,
}
