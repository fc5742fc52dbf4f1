namespace Mesh.Node.Protocols.Http1;

/// <summary>Why a message of HTTP/1 is not forwarded. Each has a status and a sentence (<see cref="Http1Refusals"/>).</summary>
/// <remarks>The names go into logs and metrics: rename none.</remarks>
public enum Http1Refusal
{
    /// <summary>Nothing was refused.</summary>
    None = 0,

    // Lines (RFC 9112 §2.2).
    BareLineFeed,
    StartLineTooLong,
    FieldTooLong,
    FieldsTooLarge,
    TooManyFields,

    // Request line and status line (RFC 9112 §3, §4).
    BadRequestLine,
    BadMethod,
    BadTarget,
    BadVersion,
    UnsupportedVersion,
    BadStatusLine,

    // Fields (RFC 9112 §5).
    FoldedField,
    BadFieldName,
    WhitespaceBeforeColon,
    BadFieldValue,

    // Fields with rules of their own.
    MissingHost,
    RepeatedHost,
    BadHost,
    BadExpectation,
    BadConnectionOption,
    ForbiddenConnectionOption,

    // Framing (RFC 9112 §6).
    BadContentLength,
    RepeatedContentLength,
    ContentLengthWithTransferEncoding,
    TransferEncodingInHttp10,
    BadTransferEncoding,
    UnsupportedTransferCoding,
    ContentInConnect,
    ContentNotAllowed,
    UnexpectedUpgrade,

    // Chunks and trailers (RFC 9112 §7.1).
    BadChunkSize,
    ChunkTooLarge,
    BadChunkExtension,
    ChunkExtensionsTooLarge,
    BadChunkEnd,
    ForbiddenTrailer,

    // The end of the input.
    Truncated,
}
