using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>Makes one match of two of which the second must be within the first. Pure.</summary>
internal static class MatchMerger
{
    /// <returns>Null when the second is not within the first.</returns>
    public static MatchSpec? Merge(MatchSpec wide, MatchSpec narrow)
    {
        if (!IsWithin(wide.Match.Path, narrow.Match.Path)
            || !IsWithin(wide.Match.Method, narrow.Match.Method)
            || !IsWithin(wide.Match.Scheme, narrow.Match.Scheme)
            || !IsWithin(wide.Match.Authority, narrow.Match.Authority)
            || wide.Match.Headers.Any(header => narrow.Match.Headers.Any(
                other => other.Name.Equals(header.Name, StringComparison.OrdinalIgnoreCase)))
            || wide.Match.Query.Any(query => narrow.Match.Query.Any(other => other.Name == query.Name))
            || (wide.Port is { } port && narrow.Port is { } own && port != own)
            || (wide.SourceNamespace is { } name && narrow.SourceNamespace is { } other && name != other)
            || !TryMerge(wide.SourceLabels, narrow.SourceLabels, out Labels? labels))
        {
            return null;
        }

        return new MatchSpec(
            new RouteMatch
            {
                Path = narrow.Match.Path ?? wide.Match.Path,
                Method = narrow.Match.Method ?? wide.Match.Method,
                Scheme = narrow.Match.Scheme ?? wide.Match.Scheme,
                Authority = narrow.Match.Authority ?? wide.Match.Authority,
                Headers = [.. wide.Match.Headers, .. narrow.Match.Headers],
                Query = [.. wide.Match.Query, .. narrow.Match.Query],
            },
            narrow.Port ?? wide.Port,
            labels,
            narrow.SourceNamespace ?? wide.SourceNamespace);
    }

    private static bool IsWithin(PathCondition? wide, PathCondition? narrow) =>
        wide is null
        || narrow is null
        || (wide.Kind == PathConditionKind.Prefix
            && narrow.Kind is PathConditionKind.Prefix or PathConditionKind.Exact
            && wide.IgnoresCase == narrow.IgnoresCase
            && narrow.Text.StartsWith(
                wide.Text, wide.IgnoresCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal));

    private static bool IsWithin(TextCondition? wide, TextCondition? narrow) =>
        wide is null
        || narrow is null
        || (wide.Kind == TextConditionKind.Prefix
            && narrow.Kind is TextConditionKind.Prefix or TextConditionKind.Exact
            && narrow.Text.StartsWith(wide.Text, StringComparison.Ordinal));

    private static bool TryMerge(Labels? wide, Labels? narrow, out Labels? merged)
    {
        merged = wide is null ? narrow : narrow is null ? wide : null;
        if (wide is null || narrow is null)
        {
            return true;
        }

        var entries = new List<KeyValuePair<string, string>>();
        foreach (KeyValuePair<string, string> own in narrow.Entries)
        {
            if (wide.Find(own.Key) is { } other && other != own.Value)
            {
                return false;
            }

            entries.Add(own);
        }

        foreach (KeyValuePair<string, string> other in wide.Entries)
        {
            if (narrow.Find(other.Key) is null)
            {
                entries.Add(other);
            }
        }

        merged = Labels.Of(entries);
        return true;
    }
}
