using System.Text.Json.Nodes;

namespace Mesh.Control.Cli.Models;

/// <summary>What is another for a service.</summary>
/// <param name="Service"><c>namespace/host</c>.</param>
/// <param name="Kind"><c>added</c>, <c>removed</c> or <c>changed</c>.</param>
/// <param name="Lines">Path, value before and value after; null where there was or is none.</param>
internal sealed record ServiceDifference(string Service, string Kind, IReadOnlyList<(string Path, string? Before, string? After)> Lines)
{
    public static List<ServiceDifference> Between(
        SortedDictionary<string, SortedDictionary<string, string>> before, SortedDictionary<string, SortedDictionary<string, string>> after)
    {
        var differences = new List<ServiceDifference>();
        foreach (string service in before.Keys.Union(after.Keys).Order(StringComparer.Ordinal))
        {
            SortedDictionary<string, string>? old = before.GetValueOrDefault(service);
            SortedDictionary<string, string>? now = after.GetValueOrDefault(service);
            List<(string Path, string? Before, string? After)> lines =
            [
                .. (old ?? []).Keys.Union((now ?? []).Keys).Order(StringComparer.Ordinal)
                    .Select(path => (Path: path, Before: old?.GetValueOrDefault(path), After: now?.GetValueOrDefault(path)))
                    .Where(line => line.Before != line.After),
            ];
            if (lines.Count > 0)
            {
                differences.Add(new ServiceDifference(service, old is null ? "added" : now is null ? "removed" : "changed", lines));
            }
        }

        return differences;
    }

    public JsonObject ToJson() => new()
    {
        ["service"] = Service,
        ["kind"] = Kind,
        ["changes"] = new JsonArray([.. Lines.Select(line => new JsonObject
        {
            ["path"] = line.Path,
            ["before"] = line.Before is null ? null : JsonNode.Parse(Quoted(line.Before)),
            ["after"] = line.After is null ? null : JsonNode.Parse(Quoted(line.After)),
        })]),
    };

    /// <summary>Values are JSON, except for what says that a policy is there.</summary>
    private static string Quoted(string value) => value == "present" ? "\"present\"" : value;
}
