using Mesh.Node.Model.Routing;

namespace Mesh.Node.Proxy.Explain;

/// <summary>What a match asks for, in words.</summary>
internal static class RouteConditions
{
    /// <summary>The conditions of a match, in words.</summary>
    public static IReadOnlyList<string> Of(RouteMatch match)
    {
        List<string> conditions = [];
        Add("path", match.Path?.ToString());
        Add("method", match.Method?.ToString());
        Add("scheme", match.Scheme?.ToString());
        Add("authority", match.Authority?.ToString());
        conditions.AddRange(match.Headers.Select(header => header.ToString()));
        conditions.AddRange(match.Query.Select(parameter => parameter.ToString()));
        Add("source namespace", match.Source?.Namespace);
        Add("source workloads", match.Source?.Workloads is { } workloads
            ? string.Join(", ", workloads.Order(StringComparer.Ordinal))
            : null);
        return conditions;

        void Add(string what, string? condition)
        {
            if (condition is not null)
            {
                conditions.Add($"{what} {condition}");
            }
        }
    }
}
