namespace Mesh.Node.Protocols.Http2;

/// <summary>
/// Why a connection was ended by this side. Each value has one error code and one sentence (<see cref="Http2ConnectionError"/>).
/// </summary>
/// <remarks>The names go into logs, metrics and the debug data of GOAWAY: rename none.</remarks>
public enum Http2ErrorReason
{
    /// <summary>The connection has not failed.</summary>
    None = 0,

    // Preface and framing (RFC 9113 §3.4, §4).
    BadPreface,
    FirstFrameNotSettings,
    FrameTooLarge,
    BadFrameSize,
    BadPadding,
    HeaderBlockInterrupted,
    UnexpectedContinuation,

    // Stream identifiers and states (RFC 9113 §5.1).
    FrameOnStreamZero,
    FrameNotOnStreamZero,
    FrameOnIdleStream,
    FrameOnEndedStream,
    BadStreamId,
    UnexpectedHeaders,
    PushPromiseRefused,

    // Settings, GOAWAY (RFC 9113 §6.5, §6.8).
    BadSettingValue,
    SettingsAckUnexpected,
    SettingsAckTimeout,
    GoAwayIncreased,

    // Flow control (RFC 9113 §5.2, §6.9).
    ConnectionWindowExceeded,
    WindowOverflow,
    ZeroWindowIncrement,

    // HPACK (RFC 7541).
    HpackTruncated,
    HpackIntegerTooLarge,
    HpackBadIndex,
    HpackBadHuffman,
    HpackBadSizeUpdate,
    HpackSizeUpdateMissing,

    // Defences: each is a peer that costs more than it should.
    RapidReset,
    ProvokedResets,
    SettingsFlood,
    PingFlood,
    ContinuationFlood,
    HeaderBlockTooLarge,
    HeaderBlockTimeout,
    HeaderListBomb,
    EmptyDataFlood,
    WindowUpdateFlood,
    PriorityFlood,
    IgnoredFrameFlood,
    InformationalFlood,
    OutputBacklog,
    WindowExhausted,

    // Not the peer's doing.
    StreamIdsExhausted,
    ClosedByOwner,
}
