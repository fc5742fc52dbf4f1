using System.Buffers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>Reads the trailers after the last chunk (RFC 9112 §7.1.2), within the limits of a head.</summary>
internal sealed class TrailerReader(Http1Options options) : Http1FieldReader(options)
{
    public HeaderList Trailers { get; } = new();

    public void Reset()
    {
        Trailers.ClearAndShrink(HeaderList.BufferBytesKept);
        ResetFields();
    }

    public Http1ReadStatus Read(ref ReadOnlySequence<byte> input) => ReadLines(ref input);

    private protected override Http1ReadStatus OnLine(ReadOnlySpan<byte> line) => ReadField(line, Trailers);

    private protected override Http1Refusal OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out bool isKept)
    {
        isKept = !TrailerRules.IsDropped(name);
        return TrailerRules.IsForbidden(name) ? Http1Refusal.ForbiddenTrailer : Http1Refusal.None;
    }
}
