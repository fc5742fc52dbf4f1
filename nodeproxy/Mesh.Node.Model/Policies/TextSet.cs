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
    private readonly AffixSet<char> _prefixes;
    private readonly AffixSet<char> _suffixes;

    private TextSet(ImmutableArray<TextMatch> matches)
    {
        HashSet<string> exact = [.. TextMatches.Values(matches, TextMatchKind.Exact)];
        _exact = exact.GetAlternateLookup<ReadOnlySpan<char>>();
        _exactCount = exact.Count;
        _anyPresent = TextMatches.Values(matches, TextMatchKind.Present).Any();
        _prefixes = AffixesOf(TextMatchKind.Prefix);
        _suffixes = AffixesOf(TextMatchKind.Suffix);

        AffixSet<char> AffixesOf(TextMatchKind kind) =>
            new(TextMatches.Values(matches, kind).Select(value => value.ToCharArray()), fromEnd: kind == TextMatchKind.Suffix);
    }

    /// <summary>Compiles a field; null when it is empty, which is no condition at all.</summary>
    public static TextSet? Create(ImmutableArray<TextMatch> matches) => matches.IsEmpty ? null : new TextSet(matches);

    /// <summary>True when some alternative matches a text that is present. No allocation.</summary>
    public bool Matches(ReadOnlySpan<char> text) =>
        _anyPresent
        || (_exactCount > 0 && _exact.Contains(text))
        || _prefixes.Covers(text)
        || _suffixes.Covers(text);
}
