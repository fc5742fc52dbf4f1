namespace Mesh.Node.Protocols.Http2;

/// <summary>Why this side ended a connection: the reason, the code the peer was told, and one sentence for people.</summary>
/// <param name="Reason">The name for logs and metrics. <see cref="Http2ErrorReason.None"/> while the connection lives.</param>
/// <param name="Code">What GOAWAY carried.</param>
/// <param name="Text">A constant sentence; nothing the peer sent is repeated in it.</param>
public readonly record struct Http2ConnectionError(Http2ErrorReason Reason, Http2ErrorCode Code, string Text)
{
    /// <summary>True once the connection has failed.</summary>
    public bool IsError => Reason != Http2ErrorReason.None;

    /// <summary>The code and the sentence that belong to a reason.</summary>
    public static Http2ConnectionError For(Http2ErrorReason reason)
    {
        (Http2ErrorCode code, string text) = Describe(reason);
        return new Http2ConnectionError(reason, code, text);
    }

    private static (Http2ErrorCode Code, string Text) Describe(Http2ErrorReason reason) => reason switch
    {
        Http2ErrorReason.None => (Http2ErrorCode.NoError, ""),
        Http2ErrorReason.BadPreface =>
            (Http2ErrorCode.ProtocolError, "The connection does not begin with the HTTP/2 preface."),
        Http2ErrorReason.FirstFrameNotSettings =>
            (Http2ErrorCode.ProtocolError, "The first frame is not SETTINGS."),
        Http2ErrorReason.FrameTooLarge =>
            (Http2ErrorCode.FrameSizeError, "A frame is larger than the advertised SETTINGS_MAX_FRAME_SIZE."),
        Http2ErrorReason.BadFrameSize =>
            (Http2ErrorCode.FrameSizeError, "A frame has a size its type does not allow."),
        Http2ErrorReason.BadPadding =>
            (Http2ErrorCode.ProtocolError, "The padding of a frame is longer than its payload."),
        Http2ErrorReason.HeaderBlockInterrupted =>
            (Http2ErrorCode.ProtocolError, "Another frame stands between the parts of a header block."),
        Http2ErrorReason.UnexpectedContinuation =>
            (Http2ErrorCode.ProtocolError, "CONTINUATION without a header block to continue."),
        Http2ErrorReason.FrameOnStreamZero =>
            (Http2ErrorCode.ProtocolError, "A frame that belongs to a stream came on stream 0."),
        Http2ErrorReason.FrameNotOnStreamZero =>
            (Http2ErrorCode.ProtocolError, "A frame that belongs to the connection came on a stream."),
        Http2ErrorReason.FrameOnIdleStream =>
            (Http2ErrorCode.ProtocolError, "A frame came for a stream that was never opened."),
        Http2ErrorReason.FrameOnEndedStream =>
            (Http2ErrorCode.StreamClosed, "A frame came for a stream its sender had ended."),
        Http2ErrorReason.BadStreamId =>
            (Http2ErrorCode.ProtocolError, "A stream was opened with an identifier of the wrong parity or order."),
        Http2ErrorReason.UnexpectedHeaders =>
            (Http2ErrorCode.ProtocolError, "A server opened a stream that was neither requested nor promised."),
        Http2ErrorReason.PushPromiseRefused =>
            (Http2ErrorCode.ProtocolError, "PUSH_PROMISE, which was never allowed."),
        Http2ErrorReason.BadSettingValue =>
            (Http2ErrorCode.ProtocolError, "A setting has a value outside its range."),
        Http2ErrorReason.SettingsAckUnexpected =>
            (Http2ErrorCode.ProtocolError, "An acknowledgement of SETTINGS that were not sent."),
        Http2ErrorReason.SettingsAckTimeout =>
            (Http2ErrorCode.SettingsTimeout, "SETTINGS were not acknowledged in time."),
        Http2ErrorReason.GoAwayIncreased =>
            (Http2ErrorCode.ProtocolError, "A later GOAWAY raised the last stream identifier."),
        Http2ErrorReason.ConnectionWindowExceeded =>
            (Http2ErrorCode.FlowControlError, "More DATA than the window of the connection."),
        Http2ErrorReason.WindowOverflow =>
            (Http2ErrorCode.FlowControlError, "A window was raised above 2147483647 bytes."),
        Http2ErrorReason.ZeroWindowIncrement =>
            (Http2ErrorCode.ProtocolError, "WINDOW_UPDATE of the connection by zero."),
        Http2ErrorReason.HpackTruncated =>
            (Http2ErrorCode.CompressionError, "A header block ends inside a field."),
        Http2ErrorReason.HpackIntegerTooLarge =>
            (Http2ErrorCode.CompressionError, "A header block holds an integer beyond the limit."),
        Http2ErrorReason.HpackBadIndex =>
            (Http2ErrorCode.CompressionError, "A header block refers to an index outside the tables."),
        Http2ErrorReason.HpackBadHuffman =>
            (Http2ErrorCode.CompressionError, "A header block holds an invalid Huffman string."),
        Http2ErrorReason.HpackBadSizeUpdate =>
            (Http2ErrorCode.CompressionError, "A dynamic table size update is misplaced or above the limit."),
        Http2ErrorReason.HpackSizeUpdateMissing =>
            (Http2ErrorCode.CompressionError, "The dynamic table was to shrink and the header block does not say so."),
        Http2ErrorReason.RapidReset =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many streams were reset before they were answered."),
        Http2ErrorReason.ProvokedResets =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many streams had to be reset or refused for errors of the peer."),
        Http2ErrorReason.SettingsFlood =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many SETTINGS frames."),
        Http2ErrorReason.PingFlood =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many PING frames."),
        Http2ErrorReason.ContinuationFlood =>
            (Http2ErrorCode.EnhanceYourCalm, "A header block came in too many CONTINUATION frames."),
        Http2ErrorReason.HeaderBlockTooLarge =>
            (Http2ErrorCode.EnhanceYourCalm, "A header block is too large before it is even decoded."),
        Http2ErrorReason.HeaderBlockTimeout =>
            (Http2ErrorCode.EnhanceYourCalm, "A header block did not come to its end in time."),
        Http2ErrorReason.HeaderListBomb =>
            (Http2ErrorCode.EnhanceYourCalm, "A header block decodes to many times the advertised limit."),
        Http2ErrorReason.EmptyDataFlood =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many DATA frames without data."),
        Http2ErrorReason.WindowUpdateFlood =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many WINDOW_UPDATE frames for the data they acknowledge."),
        Http2ErrorReason.PriorityFlood =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many PRIORITY frames."),
        Http2ErrorReason.IgnoredFrameFlood =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many frames that mean nothing here."),
        Http2ErrorReason.InformationalFlood =>
            (Http2ErrorCode.EnhanceYourCalm, "Too many informational responses on one stream."),
        Http2ErrorReason.OutputBacklog =>
            (Http2ErrorCode.EnhanceYourCalm, "The peer makes us answer and does not read the answers."),
        Http2ErrorReason.WindowExhausted =>
            (Http2ErrorCode.EnhanceYourCalm, "The peer kept the window of the connection closed for too long."),
        Http2ErrorReason.StreamIdsExhausted =>
            (Http2ErrorCode.NoError, "The stream identifiers of the connection are used up."),
        Http2ErrorReason.ClosedByOwner =>
            (Http2ErrorCode.NoError, "Closed by this side."),
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Every reason has a code and a text."),
    };
}
