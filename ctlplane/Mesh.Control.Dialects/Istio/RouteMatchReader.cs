using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads HTTPMatchRequest. Whatever cannot be read is an error, as without it the match would hold for more.</summary>
internal static class RouteMatchReader
{
    private static readonly string[] s_fields =
    [
        "authority", "gateways", "headers", "ignoreUriCase", "method", "name", "port", "queryParams", "scheme", "sourceLabels",
        "sourceNamespace", "statPrefix", "uri", "withoutHeaders",
    ];

    private static readonly string[] s_pseudoHeaders = ["authority", "method", "scheme", "uri"];

    /// <returns>Null when the match is for gateways alone.</returns>
    public static MatchSpec? Read(FieldReader match)
    {
        match.RefuseUnknown("A match", s_fields);
        foreach (string empty in match.NullKeys())
        {
            match.Error(empty, "The field has no value.", "Give it one or leave it out.");
        }

        if (match.Has("statPrefix"))
        {
            match.Warning("statPrefix", "Statistics are named after services; the prefix has no effect.");
        }

        if (match.Section("sourceLabels") is { Entries.Count: 0 })
        {
            match.Warning("sourceLabels", "Without a label every client is meant.");
        }

        ImmutableArray<HeaderCondition>.Builder headers = ImmutableArray.CreateBuilder<HeaderCondition>();
        ReadHeaders(match, "headers", isInverted: false, headers);
        ReadHeaders(match, "withoutHeaders", isInverted: true, headers);
        string? sourceNamespace = match.Text("sourceNamespace");
        if (sourceNamespace is not null && !ManifestNames.IsLabel(sourceNamespace))
        {
            match.Error("sourceNamespace", $"'{sourceNamespace}' is not the name of a namespace.");
        }

        var spec = new MatchSpec(
            new RouteMatch
            {
                Path = ReadPath(match),
                Method = TextConditionReader.Read(match, "method"),
                Scheme = TextConditionReader.Read(match, "scheme"),
                Authority = TextConditionReader.Read(match, "authority"),
                Headers = headers.ToImmutable(),
                Query = ReadQuery(match),
            },
            match.Integer("port", 1, TrafficFields.PortMax),
            match.TextMap("sourceLabels") is { Count: > 0 } labels ? labels : null,
            sourceNamespace);
        List<TextItem> gateways = match.Texts("gateways");
        return gateways.Count == 0 || gateways.Exists(gateway => gateway.Text == "mesh") ? spec : null;
    }

    private static PathCondition? ReadPath(FieldReader match)
    {
        bool ignoresCase = match.Flag("ignoreUriCase") ?? false;
        TextCondition? uri = TextConditionReader.Read(match, "uri");
        if (ignoresCase && uri is not { Kind: TextConditionKind.Exact or TextConditionKind.Prefix })
        {
            match.Error("ignoreUriCase", "Only an exact uri and a prefix can be compared without their case.");
        }

        return uri?.Kind switch
        {
            TextConditionKind.Exact => new PathCondition(PathConditionKind.Exact, uri.Text, ignoresCase),
            TextConditionKind.Prefix => new PathCondition(PathConditionKind.Prefix, uri.Text, ignoresCase),
            TextConditionKind.Pattern => new PathCondition(PathConditionKind.Pattern, uri.Text),
            _ => null,
        };
    }

    private static void ReadHeaders(FieldReader match, string key, bool isInverted, ImmutableArray<HeaderCondition>.Builder headers)
    {
        if (match.Section(key) is not { } section)
        {
            return;
        }

        foreach (RawEntry entry in section.Entries)
        {
            if (s_pseudoHeaders.Contains(entry.Key, StringComparer.Ordinal))
            {
                section.Warning(
                    entry.Key, $"{entry.Key} is no header and is not looked at here.", $"Use the match's own field {entry.Key}.");
            }
            else if (entry.Key.StartsWith("@request.auth.claims", StringComparison.Ordinal))
            {
                section.Error(entry.Key, "Claims of tokens can be matched at gateways alone.");
            }
            else if (!TrafficFields.IsHeaderName(entry.Key))
            {
                section.Error(entry.Key, $"'{entry.Key}' is not the name of a header.");
            }
            else if (entry.Value is RawScalar { Kind: ScalarKind.Null })
            {
                headers.Add(new HeaderCondition(entry.Key, TextCondition.Present, isInverted));
            }
            else if (TextConditionReader.Read(section, entry.Key) is { } value)
            {
                headers.Add(new HeaderCondition(entry.Key, value, isInverted));
            }
        }
    }

    private static ImmutableArray<QueryCondition> ReadQuery(FieldReader match)
    {
        ImmutableArray<QueryCondition>.Builder query = ImmutableArray.CreateBuilder<QueryCondition>();
        if (match.Section("queryParams") is { } section)
        {
            foreach (RawEntry entry in section.Entries)
            {
                if (entry.Key.Length == 0)
                {
                    section.Error(entry.Key, "A parameter needs a name.");
                }
                else if (TextConditionReader.Read(section, entry.Key) is { } value)
                {
                    query.Add(new QueryCondition(entry.Key, value));
                }
            }
        }

        return query.ToImmutable();
    }
}
