using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads HTTPRouteMatch. Whatever cannot be read is an error, as without it the match would hold for more.</summary>
internal static class HttpRouteMatchReader
{
    private static readonly string[] s_fields = ["headers", "method", "path", "queryParams"];
    private static readonly string[] s_pathFields = ["type", "value"];
    private static readonly string[] s_namedFields = ["name", "type", "value"];
    private static readonly string[] s_methods = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

    /// <summary>What holds where nothing is said.</summary>
    public static RouteMatch Everything { get; } = new() { Path = new PathCondition(PathConditionKind.Segments, "/") };

    public static MatchSpec Read(FieldReader match)
    {
        match.RefuseUnknown("A match", s_fields);
        foreach (string empty in match.NullKeys())
        {
            match.Error(empty, "The field has no value.", "Give it one or leave it out.");
        }

        string? method = match.Text("method");
        if (method is not null && !s_methods.Contains(method, StringComparer.Ordinal))
        {
            match.Error("method", $"'{method}' is not a method.");
        }

        PathCondition? path = ReadPath(match);
        var read = new RouteMatch
        {
            Path = path,
            Method = method is null ? null : TrafficFields.Exact(method),
            Headers = ReadHeaders(match),
            Query =
            [
                .. ReadNamed(match, "queryParams")
                    .DistinctBy(parameter => parameter.Name, StringComparer.Ordinal)
                    .Select(parameter => new QueryCondition(parameter.Name, parameter.Value)),
            ],
        };
        return new MatchSpec(read) { Rank = RankOf(path) };
    }

    /// <summary>Of a name that is there twice, the first counts.</summary>
    public static ImmutableArray<HeaderCondition> ReadHeaders(FieldReader match) =>
    [
        .. ReadNamed(match, "headers")
            .DistinctBy(header => header.Name, StringComparer.OrdinalIgnoreCase)
            .Select(header => new HeaderCondition(header.Name, header.Value)),
    ];

    /// <summary>An exact path before a pattern before the longest prefix.</summary>
    private static (int Kind, int Length) RankOf(PathCondition? path) => path?.Kind switch
    {
        PathConditionKind.Exact => (2, 0),
        PathConditionKind.Pattern => (1, 0),
        PathConditionKind.Segments => (0, path.Text.TrimEnd('/').Length),
        _ => default,
    };

    private static PathCondition? ReadPath(FieldReader match)
    {
        if (match.Section("path") is not { } path)
        {
            return Everything.Path;
        }

        path.RefuseUnknown("path", s_pathFields);
        string value = path.Text("value") ?? "/";
        string type = path.Text("type") ?? "PathPrefix";
        if (type is "Exact" or "PathPrefix")
        {
            if (!value.StartsWith('/') || value.Contains("//", StringComparison.Ordinal))
            {
                path.Error("value", $"'{value}' is not a path: it begins with a slash and has no two in a row.");
            }

            return new PathCondition(type == "Exact" ? PathConditionKind.Exact : PathConditionKind.Segments, value);
        }

        if (type != "RegularExpression")
        {
            path.Error("type", $"'{type}' is not a way to compare.", "Write Exact, PathPrefix or RegularExpression.");
            return null;
        }

        return path.CheckPattern("value", value) ? new PathCondition(PathConditionKind.Pattern, value) : null;
    }

    private static IEnumerable<(string Name, TextCondition Value)> ReadNamed(FieldReader match, string key)
    {
        foreach (FieldReader item in match.Sections(key))
        {
            item.RefuseUnknown("A match", s_namedFields);
            string? name = item.RequiredText("name");
            string? value = item.RequiredText("value");
            if (name is not null && !TrafficFields.IsHeaderName(name))
            {
                item.Error("name", $"'{name}' is not a name that can be matched.");
            }
            else if (name is not null && value is not null)
            {
                switch (item.Text("type") ?? "Exact")
                {
                    case "Exact":
                        yield return (name, TrafficFields.Exact(value));
                        break;
                    case "RegularExpression" when item.CheckPattern("value", value):
                        yield return (name, new TextCondition(TextConditionKind.Pattern, value));
                        break;
                    case "RegularExpression":
                        break;
                    case { } type:
                        item.Error("type", $"'{type}' is not a way to compare.", "Write Exact or RegularExpression.");
                        break;
                }
            }
        }
    }
}
