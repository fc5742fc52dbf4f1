using System.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>Reads fields into a list until an empty line: what heads and trailers have in common.</summary>
public abstract class Http1FieldReader : Http1LineReader
{
    private const int LineEndBytes = 2;

    private int _fields;
    private int _fieldsBytes;

    private protected Http1FieldReader(Http1Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        Options = options;
    }

    private protected Http1Options Options { get; }

    private protected override Http1Refusal TooLong =>
        FieldsBytesLeft < Options.FieldBytesMax ? Http1Refusal.FieldsTooLarge : Http1Refusal.FieldTooLong;

    private int FieldsBytesLeft => Math.Max(0, Options.FieldsBytesMax - _fieldsBytes - LineEndBytes);

    private protected void ResetFields()
    {
        _fields = 0;
        _fieldsBytes = 0;
        ResetLines();
        LimitField();
    }

    /// <summary>
    /// Limits the next line to what is left for a field: the smaller of its own limit and the rest of all fields'. The empty line is none.
    /// </summary>
    private protected void LimitField() => LineBytesMax = Math.Min(Options.FieldBytesMax, FieldsBytesLeft);

    /// <summary>Reads a field, or the empty line after the last one.</summary>
    /// <returns>Complete after the empty line.</returns>
    private protected Http1ReadStatus ReadField(ReadOnlySpan<byte> line, HeaderList fields)
    {
        if (line.IsEmpty)
        {
            return Http1ReadStatus.Complete;
        }

        _fieldsBytes += line.Length + LineEndBytes;
        LimitField();
        if (++_fields > Options.FieldsMax)
        {
            return Refuse(Http1Refusal.TooManyFields);
        }

        Http1Refusal refusal = FieldLine.Cut(line, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value);
        if (refusal != Http1Refusal.None)
        {
            return Refuse(refusal);
        }

        Span<byte> tail = fields.Tail(name.Length + value.Length);
        Ascii.ToLower(name, tail, out _);
        refusal = OnField(tail[..name.Length], value, out bool isKept);
        if (refusal != Http1Refusal.None)
        {
            return Refuse(refusal);
        }

        if (isKept)
        {
            value.CopyTo(tail[name.Length..]);
            fields.CommitTail(name.Length, value.Length, neverIndex: false);
        }

        return Http1ReadStatus.NeedMore;
    }

    /// <summary>Judges a field before it is added.</summary>
    /// <param name="name">In lower case.</param>
    /// <param name="value">Without the whitespace around it.</param>
    /// <param name="isKept">True to add it to the list.</param>
    private protected abstract Http1Refusal OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out bool isKept);
}
