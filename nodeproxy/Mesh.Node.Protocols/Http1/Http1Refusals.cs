namespace Mesh.Node.Protocols.Http1;

/// <summary>What each <see cref="Http1Refusal"/> means, for clients and for people.</summary>
public static class Http1Refusals
{
    /// <summary>The status that answers a request refused so. A response refused so is answered with 502, whatever the reason.</summary>
    public static int StatusOf(Http1Refusal refusal) => refusal switch
    {
        Http1Refusal.StartLineTooLong => 414,
        Http1Refusal.BadExpectation => 417,
        Http1Refusal.FieldTooLong or Http1Refusal.FieldsTooLarge or Http1Refusal.TooManyFields => 431,
        Http1Refusal.UnsupportedTransferCoding => 501,
        Http1Refusal.UnsupportedVersion => 505,
        _ => 400,
    };

    /// <summary>A constant sentence; nothing that was sent is repeated in it.</summary>
    public static string TextOf(Http1Refusal refusal) => refusal switch
    {
        Http1Refusal.None => "",
        Http1Refusal.BareLineFeed => "A line ends in LF without CR.",
        Http1Refusal.StartLineTooLong => "The first line is longer than the limit.",
        Http1Refusal.FieldTooLong => "A field is longer than the limit.",
        Http1Refusal.FieldsTooLarge => "The fields together are larger than the limit.",
        Http1Refusal.TooManyFields => "There are more fields than the limit.",
        Http1Refusal.BadRequestLine => "The first line is not a method, a target and a version with single spaces between them.",
        Http1Refusal.BadMethod => "The method is not a token.",
        Http1Refusal.BadTarget => "The target is not of a form its method allows.",
        Http1Refusal.BadVersion => "The version is not written as HTTP's.",
        Http1Refusal.UnsupportedVersion => "The version is neither HTTP/1.0 nor HTTP/1.1.",
        Http1Refusal.BadStatusLine => "The first line is not a version, a status of three digits and a phrase.",
        Http1Refusal.FoldedField => "A line of a field begins with whitespace.",
        Http1Refusal.BadFieldName => "The name of a field is not a token followed by a colon.",
        Http1Refusal.WhitespaceBeforeColon => "There is whitespace between the name of a field and its colon.",
        Http1Refusal.BadFieldValue => "The value of a field has a control character.",
        Http1Refusal.MissingHost => "An HTTP/1.1 request without Host.",
        Http1Refusal.RepeatedHost => "There is more than one Host.",
        Http1Refusal.BadHost => "Host is not a host and perhaps a port.",
        Http1Refusal.BadExpectation => "Expect asks for something other than 100-continue.",
        Http1Refusal.BadConnectionOption => "Connection is not a list of tokens.",
        Http1Refusal.ForbiddenConnectionOption => "Connection names a field that everyone on the way depends on.",
        Http1Refusal.BadContentLength => "Content-Length is not a number, or too large.",
        Http1Refusal.RepeatedContentLength => "There is more than one Content-Length.",
        Http1Refusal.ContentLengthWithTransferEncoding => "There are both Content-Length and Transfer-Encoding.",
        Http1Refusal.TransferEncodingInHttp10 => "Transfer-Encoding in a message of HTTP/1.0.",
        Http1Refusal.BadTransferEncoding => "The last transfer coding is not chunked, or chunked is not the last.",
        Http1Refusal.UnsupportedTransferCoding => "A transfer coding other than chunked.",
        Http1Refusal.ContentInConnect => "A CONNECT says that it has content.",
        Http1Refusal.ContentNotAllowed => "A response says that it has content and its status allows none.",
        Http1Refusal.UnexpectedUpgrade => "The server changes to a protocol it was not asked for.",
        Http1Refusal.BadChunkSize => "The size of a chunk is not a hexadecimal number.",
        Http1Refusal.ChunkTooLarge => "The size of a chunk is larger than 2^63-1.",
        Http1Refusal.BadChunkExtension => "The extensions of a chunk are not well formed.",
        Http1Refusal.ChunkExtensionsTooLarge => "The extensions of chunks are larger than the limit.",
        Http1Refusal.BadChunkEnd => "A chunk does not end in CR LF where its size says.",
        Http1Refusal.ForbiddenTrailer => "A trailer would change the framing or the routing of its message.",
        Http1Refusal.Truncated => "The connection ended inside a message.",
        _ => throw new ArgumentOutOfRangeException(nameof(refusal), refusal, "No such reason."),
    };
}
