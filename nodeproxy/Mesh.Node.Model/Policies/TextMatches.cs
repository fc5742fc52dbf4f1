using System.Collections.Immutable;

namespace Mesh.Node.Model.Policies;

/// <summary>Sorts the alternatives of a text field by how they are compared.</summary>
internal static class TextMatches
{
    /// <exception cref="ArgumentOutOfRangeException">An alternative is compared in no known way.</exception>
    public static IEnumerable<string> Values(ImmutableArray<TextMatch> matches, TextMatchKind kind)
    {
        foreach (TextMatch match in matches)
        {
            if (!Enum.IsDefined(match.Kind))
            {
                throw new ArgumentOutOfRangeException(nameof(matches), match.Kind, "Not a kind of text match.");
            }

            if (match.Kind == kind)
            {
                yield return match.Value;
            }
        }
    }
}
