namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>Decides which fields are worth a place in the dynamic table. Pure.</summary>
/// <remarks>
/// Values that differ on every message only push out the ones that repeat. Secrets stay out of the table altogether, because the
/// size of a compressed block tells an attacker who can add fields whether a guess was right (RFC 7541 §7.1).
/// </remarks>
internal static class HpackIndexingPolicy
{
    /// <summary>A cookie shorter than this can be guessed through compression (RFC 7541 §7.1.3).</summary>
    private const int GuessableCookieBytesMax = 20;

    public static HpackIndexing For(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => name switch
    {
        _ when name.SequenceEqual("authorization"u8) || name.SequenceEqual("proxy-authorization"u8) || name.SequenceEqual("set-cookie"u8) =>
            HpackIndexing.Never,
        _ when name.SequenceEqual("cookie"u8) => value.Length < GuessableCookieBytesMax ? HpackIndexing.Never : HpackIndexing.Insert,
        _ when name.SequenceEqual("traceparent"u8) || name.SequenceEqual("forwarded"u8) || name.SequenceEqual(":path"u8)
            || name.SequenceEqual("content-length"u8) || name.SequenceEqual("x-request-id"u8) || name.SequenceEqual("etag"u8)
            || name.SequenceEqual("x-forwarded-for"u8) || name.SequenceEqual("tracestate"u8) || name.SequenceEqual("last-modified"u8) =>
            HpackIndexing.Omit,
        _ => HpackIndexing.Insert,
    };
}
