using System.Buffers.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http2.Messages;

/// <summary>
/// How content is delimited, between HTTP/2, where the end of the stream does it, and the model. That content-length and content agree is
/// checked by the engine in both directions.
/// </summary>
internal static class Http2Bodies
{
    private const int DigitsMax = 19;

    public static BodyFraming Read(bool endStream, long contentBytes)
    {
        if (endStream)
        {
            return contentBytes < 0 ? BodyFraming.None : BodyFraming.OfLength(0);
        }

        // A length of zero and an open stream: trailers are to come, which only chunks can carry.
        return contentBytes <= 0 ? BodyFraming.Chunked : BodyFraming.OfLength(contentBytes);
    }

    public static void Write(BodyFraming body, HeaderList block)
    {
        if (body.ContentBytes < 0)
        {
            return;
        }

        ReadOnlySpan<byte> name = "content-length"u8;
        Span<byte> tail = block.Tail(name.Length + DigitsMax);
        name.CopyTo(tail);
        Utf8Formatter.TryFormat(body.ContentBytes, tail[name.Length..], out int digits);
        block.CommitTail(name.Length, digits, neverIndex: false);
    }
}
