namespace Mesh.Control.Dialects.Istio;

/// <summary>Patterns of path segments: <c>{*}</c> is one segment, <c>{**}</c> the rest.</summary>
internal static class PathTemplates
{
    private const string AnySegment = "{*}";
    private const string AnyRest = "{**}";

    /// <summary>Whether a path is a template, well-formed or not.</summary>
    public static bool IsMeant(string path) =>
        path.Contains(AnySegment, StringComparison.Ordinal) || path.Contains(AnyRest, StringComparison.Ordinal);

    /// <returns>What is wrong with a template; null for nothing.</returns>
    public static string? ProblemOf(string template)
    {
        if (!template.StartsWith('/'))
        {
            return $"'{template}': a template begins with a slash.";
        }

        bool hasRest = false;
        foreach (string segment in template[1..].Split('/'))
        {
            if (segment is AnySegment or AnyRest)
            {
                if (hasRest)
                {
                    return $"'{template}': nothing variable may follow {AnyRest}.";
                }

                hasRest = segment == AnyRest;
            }
            else if (segment.AsSpan().ContainsAny("{}*"))
            {
                return $"'{template}': {AnySegment} and {AnyRest} stand alone in their segment, and no other brace or * beside them.";
            }
        }

        return null;
    }
}
