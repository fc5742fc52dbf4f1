using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>One line of a field: a name, a colon, a value (RFC 9112 §5). Pure.</summary>
internal static class FieldLine
{
    /// <summary>Cuts a line into its parts.</summary>
    /// <param name="line">Without its CR LF; not empty.</param>
    /// <param name="name">A token, in the case it was sent.</param>
    /// <param name="value">Without the whitespace around it.</param>
    public static Http1Refusal Cut(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        int nameBytes = line.IndexOfAnyExcept(FieldRules.TokenBytes);
        if (nameBytes <= 0 || line[nameBytes] != (byte)':')
        {
            name = default;
            value = default;
            return WhyNot(line, nameBytes);
        }

        name = line[..nameBytes];
        value = FieldRules.Trim(line[(nameBytes + 1)..]);
        return FieldRules.IsValue(value) ? Http1Refusal.None : Http1Refusal.BadFieldValue;
    }

    /// <summary>Told apart because each is an attack of its own: a folded line, a name that some read without its space.</summary>
    private static Http1Refusal WhyNot(ReadOnlySpan<byte> line, int nameBytes)
    {
        if (FieldRules.IsWhitespace(line[0]))
        {
            return Http1Refusal.FoldedField;
        }

        return nameBytes > 0 && FieldRules.IsWhitespace(line[nameBytes]) && FieldRules.Trim(line[nameBytes..]).StartsWith(":"u8)
            ? Http1Refusal.WhitespaceBeforeColon
            : Http1Refusal.BadFieldName;
    }
}
