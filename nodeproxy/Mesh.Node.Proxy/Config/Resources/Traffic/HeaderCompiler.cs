using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using Mesh.Node.Model.Routing;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Node.Proxy.Config.Resources.Traffic;

/// <summary>
/// Fields from the wire that are written into messages as they are: a line break in one would be a second field, or a second message.
/// </summary>
internal static class HeaderCompiler
{
    private const int NameCharsMax = 256;
    private const int ValueCharsMax = 16 * 1024;

    private static readonly SearchValues<char> s_tokenCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>They frame messages or belong to one connection, so they are never a route's to change.</summary>
    private static readonly ImmutableArray<string> s_framing =
        ["connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

    public static HeaderOperations Read(Wire.HeaderOperations? wire, Field field) => wire is null
        ? HeaderOperations.None
        : new HeaderOperations(
            field["remove"].Each(wire.Remove, static (name, place) => new HeaderName(Changeable(name, place))),
            field["set"].Each(wire.Set, ReadHeader),
            field["add"].Each(wire.Add, ReadHeader));

    /// <summary>The name of a field: a token of RFC 9110.</summary>
    public static string Name(string text, Field field)
    {
        field.Require(
            text.Length is > 0 and <= NameCharsMax && !text.AsSpan().ContainsAnyExcept(s_tokenCharacters),
            $"'{text}' is no name of a header");
        return text;
    }

    /// <summary>A text that may stand in a head: no controls, no whitespace around it.</summary>
    public static string Value(string text, Field field)
    {
        field.Require(text.Length <= ValueCharsMax, $"{text.Length} characters are more than {ValueCharsMax}");
        field.Require(!text.AsSpan().ContainsAnyInRange('\0', '\x1f') && !text.Contains('\x7f'), "it has control characters");
        field.Require(text.AsSpan().Trim(' ').Length == text.Length, "it begins or ends with a space");
        return text;
    }

    private static HeaderField ReadHeader(Wire.Header wire, Field field) =>
        new(Changeable(wire.Name, field["name"]), Value(wire.Value, field["value"]))
        {
            Parts = field["parts"].Each(wire.Parts, ReadPart),
        };

    private static ValuePart ReadPart(Wire.ValuePart wire, Field field)
    {
        field["operator"].Require(Enum.IsDefined((ValueOperator)wire.Operator), $"{(int)wire.Operator} is not known here");
        field["bytes_max"].Require(wire.BytesMax <= ValueCharsMax, $"{wire.BytesMax} is more than {ValueCharsMax}");
        var part = new ValuePart((ValueOperator)wire.Operator) { BytesMax = wire.BytesMax == 0 ? int.MaxValue : (int)wire.BytesMax };
        return part.Operator switch
        {
            ValueOperator.Text => part with { Text = Encoding.UTF8.GetBytes(PartText(wire.Text, field["text"])) },
            ValueOperator.RequestField or ValueOperator.ResponseField => part with
            {
                Field = FieldName(wire.Text, field["text"]),
                Alternative = wire.Alternative.Length == 0 ? null : FieldName(wire.Alternative, field["alternative"]),
            },
            _ => part,
        };
    }

    /// <summary>Between others it may well begin or end with a space.</summary>
    private static string PartText(string text, Field field)
    {
        _ = Value(text.Trim(' '), field);
        return text;
    }

    private static HeaderName FieldName(string text, Field field) =>
        new(text is ":method" or ":scheme" or ":authority" or ":path" ? text : Name(text, field));

    private static string Changeable(string name, Field field)
    {
        field.Require(!s_framing.Contains(name.ToLowerInvariant()), $"{name} is not a route's to change");
        return Name(name, field);
    }
}
