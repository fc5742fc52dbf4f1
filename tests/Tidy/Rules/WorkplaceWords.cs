using System.Text.RegularExpressions;

namespace Mesh.Tidy.Rules;

/// <summary>The repository speaks of the product, not of how and where it was made.</summary>
internal static partial class WorkplaceWords
{
    public static IEnumerable<Finding> Check(SourceFile file)
    {
        // These words and their samples stand there.
        if (file.IsUnder("tests/Tidy"))
        {
            yield break;
        }

        for (int index = 0; index < file.Lines.Length; index++)
        {
            foreach (Match match in Words().Matches(file.Lines[index]))
            {
                yield return file.At(index + 1, $"'{match.Value}' speaks of the workplace; a reader of the repository has no such thing.");
            }
        }
    }

    [GeneratedRegex(@"(?<![\w.])/(home|Users)/\w+|\bissues? (#|no\. ?)?\d+\b|\b(design|style|reference)(\.md)? §|"
        + @"\bAI[- ]generated\b|\bsub-?agent\b|\bartifactory\b|\bjfrog\b|\bnexus\b", RegexOptions.IgnoreCase)]
    private static partial Regex Words();
}
