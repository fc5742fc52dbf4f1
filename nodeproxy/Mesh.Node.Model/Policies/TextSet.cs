using System.Collections.Immutable;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// The alternatives of one text field, compiled: exact values hashed, prefixes and suffixes searched by bisection. Immutable; any thread.
/// </summary>
internal sealed class TextSet
{
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _exact;
    private readonly int _exactCount;
    private readonly bool _anyPresent;
    private readonly string[] _prefixes;
    private readonly string[] _suffixes;

    private TextSet(HashSet<string> exact, bool anyPresent, string[] prefixes, string[] suffixes)
    {
        _exact = exact.GetAlternateLookup<ReadOnlySpan<char>>();
        _exactCount = exact.Count;
        _anyPresent = anyPresent;
        _prefixes = prefixes;
        _suffixes = suffixes;
    }

    /// <summary>Compiles a field; null when it is empty, which is no condition at all.</summary>
    public static TextSet? Create(ImmutableArray<TextMatch> matches)
    {
        if (matches.IsEmpty)
        {
            return null;
        }

        var exact = new HashSet<string>(StringComparer.Ordinal);
        var prefixes = new List<string>();
        var suffixes = new List<string>();
        bool anyPresent = false;
        foreach (TextMatch match in matches)
        {
            switch (match.Kind)
            {
                case TextMatchKind.Exact:
                    exact.Add(match.Value);
                    break;
                case TextMatchKind.Prefix:
                    prefixes.Add(match.Value);
                    break;
                case TextMatchKind.Suffix:
                    suffixes.Add(match.Value);
                    break;
                case TextMatchKind.Present:
                    anyPresent = true;
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(matches), match.Kind, "Not a kind of text match.");
            }
        }

        return new TextSet(exact, anyPresent, Minimal(prefixes, CompareForward, StartsWith), Minimal(suffixes, CompareBackward, EndsWith));
    }

    /// <summary>True when some alternative matches a text that is present. No allocation.</summary>
    public bool Matches(ReadOnlySpan<char> text) =>
        _anyPresent
        || (_exactCount > 0 && _exact.Contains(text))
        || HasPrefixOf(text)
        || HasSuffixOf(text);

    private bool HasPrefixOf(ReadOnlySpan<char> text)
    {
        int candidate = LastNotAfter(_prefixes, text, backward: false);
        return candidate >= 0 && text.StartsWith(_prefixes[candidate], StringComparison.Ordinal);
    }

    private bool HasSuffixOf(ReadOnlySpan<char> text)
    {
        int candidate = LastNotAfter(_suffixes, text, backward: true);
        return candidate >= 0 && text.EndsWith(_suffixes[candidate], StringComparison.Ordinal);
    }

    /// <summary>
    /// Position of the last value that sorts at or before the text. Everything that sorts between a prefix of the text and the text itself
    /// starts with that prefix, and the array holds no value that starts with another: so if any value is a prefix, it is this one.
    /// </summary>
    private static int LastNotAfter(string[] values, ReadOnlySpan<char> text, bool backward)
    {
        int low = 0;
        int high = values.Length - 1;
        while (low <= high)
        {
            int middle = (int)(((uint)low + (uint)high) >> 1);
            int order = backward ? CompareBackward(values[middle], text) : CompareForward(values[middle], text);
            if (order <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high;
    }

    /// <summary>Sorts and drops every value that a shorter one already covers.</summary>
    private static string[] Minimal(List<string> values, Comparer compare, Covers covers)
    {
        values.Sort((left, right) => compare(left, right));
        var kept = new List<string>(values.Count);
        foreach (string value in values)
        {
            if (kept.Count == 0 || !covers(kept[^1], value))
            {
                kept.Add(value);
            }
        }

        return [.. kept];
    }

    private delegate int Comparer(ReadOnlySpan<char> left, ReadOnlySpan<char> right);

    private delegate bool Covers(string shorter, string longer);

    private static bool StartsWith(string shorter, string longer) => longer.StartsWith(shorter, StringComparison.Ordinal);

    private static bool EndsWith(string shorter, string longer) => longer.EndsWith(shorter, StringComparison.Ordinal);

    private static int CompareForward(ReadOnlySpan<char> left, ReadOnlySpan<char> right) => left.SequenceCompareTo(right);

    /// <summary>Orders texts as if both were written backwards.</summary>
    private static int CompareBackward(ReadOnlySpan<char> left, ReadOnlySpan<char> right)
    {
        int common = Math.Min(left.Length, right.Length);
        for (int fromEnd = 1; fromEnd <= common; fromEnd++)
        {
            int order = left[^fromEnd].CompareTo(right[^fromEnd]);
            if (order != 0)
            {
                return order;
            }
        }

        return left.Length.CompareTo(right.Length);
    }
}
