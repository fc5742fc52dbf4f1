using System.Collections.Frozen;
using Mesh.Node.Model.Routing;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Node.Proxy.Config.Resources.Traffic;

/// <summary>Conditions on requests from the wire. Throws where something is not as it must be.</summary>
internal static class MatchCompiler
{
    /// <exception cref="ResourceRefusedException">Something in it is unknown, missing or out of range.</exception>
    public static RouteMatch Read(Wire.RouteMatch wire, Field field) => new()
    {
        Path = wire.Path is null ? null : ReadPath(wire.Path, field["path"]),
        Method = wire.Method is null ? null : ReadText(wire.Method, field["method"]),
        Scheme = wire.Scheme is null ? null : ReadText(wire.Scheme, field["scheme"]),
        Authority = wire.Authority is null ? null : ReadText(wire.Authority, field["authority"]),
        Headers = field["headers"].Each(wire.Headers, static (header, place) => new HeaderMatch(
            HeaderCompiler.Name(header.Name, place["name"]), ReadRequiredText(header.Value, place["value"]), header.Inverted)),
        Query = field["query"].Each(wire.Query, static (parameter, place) => new QueryMatch(
            Required(parameter.Name, place["name"]), ReadRequiredText(parameter.Value, place["value"]))),
        Source = ReadSource(wire.Source, field["source"]),
    };

    public static ValueMatch ReadText(Wire.TextMatch wire, Field field)
    {
        switch (wire.MatchCase)
        {
            case Wire.TextMatch.MatchOneofCase.Exact:
                return ValueMatch.Exact(wire.Exact, wire.IgnoreCase);
            case Wire.TextMatch.MatchOneofCase.Prefix:
                return ValueMatch.Prefix(wire.Prefix, wire.IgnoreCase);
            case Wire.TextMatch.MatchOneofCase.Suffix:
                return ValueMatch.Suffix(wire.Suffix, wire.IgnoreCase);
            case Wire.TextMatch.MatchOneofCase.Pattern:
                field["ignore_case"].Require(!wire.IgnoreCase, "a pattern says so itself");
                return ValueMatch.Pattern(ReadPattern(wire.Pattern, field["pattern"]));
            case Wire.TextMatch.MatchOneofCase.Present when wire.Present:
                return ValueMatch.Present;
            default:
                throw field.Refuse("it does not say what the text is compared with");
        }
    }

    private static ValueMatch ReadRequiredText(Wire.TextMatch? wire, Field field) =>
        ReadText(wire ?? throw field.Refuse("there is none"), field);

    private static PathMatch ReadPath(Wire.PathMatch wire, Field field)
    {
        field["ignore_case"].Require(
            !wire.IgnoreCase || wire.MatchCase is Wire.PathMatch.MatchOneofCase.Exact or Wire.PathMatch.MatchOneofCase.Prefix,
            "only an exact path and a prefix can be compared so");
        return wire.MatchCase switch
        {
            Wire.PathMatch.MatchOneofCase.Exact => PathMatch.Exact(wire.Exact, wire.IgnoreCase),
            Wire.PathMatch.MatchOneofCase.Prefix => PathMatch.Prefix(wire.Prefix, wire.IgnoreCase),
            Wire.PathMatch.MatchOneofCase.Segments => PathMatch.Segments(wire.Segments),
            Wire.PathMatch.MatchOneofCase.Pattern => PathMatch.Pattern(ReadPattern(wire.Pattern, field["pattern"])),
            _ => throw field.Refuse("it does not say what the path is compared with"),
        };
    }

    private static RoutePattern ReadPattern(string wire, Field field) =>
        RoutePattern.TryCompile(wire, out RoutePattern? pattern, out string? problem) ? pattern : throw field.Refuse(problem);

    internal static SourceMatch? ReadSource(Wire.SourceMatch? wire, Field field)
    {
        if (wire is null)
        {
            return null;
        }

        field.Require(wire.Namespace.Length > 0 || wire.Workloads is not null, "it says nothing of who asks");
        return new SourceMatch
        {
            Namespace = wire.Namespace.Length == 0 ? null : wire.Namespace,
            Workloads = wire.Workloads?.Uids.ToFrozenSet(StringComparer.Ordinal),
        };
    }

    private static string Required(string text, Field field)
    {
        field.Require(text.Length > 0, "there is none");
        return text;
    }
}
