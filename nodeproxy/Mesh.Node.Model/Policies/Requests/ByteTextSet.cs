using System.Collections.Immutable;
using System.Text;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies.Requests;

/// <summary>The alternatives of one text field of requests, compiled. Immutable; any thread.</summary>
internal sealed class ByteTextSet
{
    /// <summary>Up to here comparing with each costs less than a hash.</summary>
    private const int LinearValuesMax = 8;

    private readonly byte[][] _few;
    private readonly HashSet<byte[]>.AlternateLookup<ReadOnlySpan<byte>> _many;
    private readonly bool _isMany;
    private readonly bool _anyPresent;
    private readonly AffixSet<byte>? _prefixes;
    private readonly AffixSet<byte>? _suffixes;

    private ByteTextSet(ImmutableArray<TextMatch> matches, bool isLowered)
    {
        HashSet<byte[]> exact = new(Values(TextMatchKind.Exact), ByteKeys.Comparer);
        _isMany = exact.Count > LinearValuesMax;
        _few = _isMany ? [] : [.. exact];
        _many = exact.GetAlternateLookup<ReadOnlySpan<byte>>();
        _anyPresent = TextMatches.Values(matches, TextMatchKind.Present).Any();
        _prefixes = AffixesOf(TextMatchKind.Prefix);
        _suffixes = AffixesOf(TextMatchKind.Suffix);

        IEnumerable<byte[]> Values(TextMatchKind kind) => TextMatches.Values(matches, kind)
            .Select(value => Encoding.UTF8.GetBytes(isLowered ? value.ToLowerInvariant() : value));

        AffixSet<byte>? AffixesOf(TextMatchKind kind) =>
            Values(kind).Any() ? new AffixSet<byte>(Values(kind), fromEnd: kind == TextMatchKind.Suffix) : null;
    }

    /// <summary>Compiles a field; null when it is empty, which is no condition at all.</summary>
    /// <param name="matches">The alternatives.</param>
    /// <param name="isLowered">They are taken in lower case: what is compared with them will be too.</param>
    public static ByteTextSet? Create(ImmutableArray<TextMatch> matches, bool isLowered = false) =>
        matches.IsEmpty ? null : new ByteTextSet(matches, isLowered);

    /// <summary>True when some alternative matches a text that is present. No allocation.</summary>
    public bool Matches(ReadOnlySpan<byte> text) =>
        _anyPresent
        || (_isMany ? _many.Contains(text) : IsOneOfFew(text))
        || (_prefixes is not null && _prefixes.Covers(text))
        || (_suffixes is not null && _suffixes.Covers(text));

    private bool IsOneOfFew(ReadOnlySpan<byte> text)
    {
        foreach (byte[] value in _few)
        {
            if (text.SequenceEqual(value))
            {
                return true;
            }
        }

        return false;
    }
}
