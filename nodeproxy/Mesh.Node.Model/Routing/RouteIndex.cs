using System.Collections.Immutable;

namespace Mesh.Node.Model.Routing;

/// <summary>
/// Says which of many conditions on paths a path may fulfil, in their order: those for exactly this path, those for each beginning of it,
/// and those that cannot be filed. Immutable; any thread; allocates nothing once made.
/// </summary>
internal sealed class RouteIndex
{
    /// <summary>Room that <see cref="Open"/> may need: exact paths, prefixes of each length, and the rest.</summary>
    public const int ListsMax = 2 + PrefixLengthsMax;

    /// <summary>Lengths of prefixes that are filed; each costs a look-up for every request.</summary>
    private const int PrefixLengthsMax = 30;

    // All lists one after another; a cursor is a part of it.
    private readonly int[] _places;
    private readonly Dictionary<byte[], Cursor>.AlternateLookup<ReadOnlySpan<byte>> _exact;
    private readonly ImmutableArray<PrefixLength> _prefixes;
    private readonly Cursor _rest;

    /// <param name="paths">The conditions, in order; null where there is none.</param>
    public RouteIndex(ImmutableArray<PathMatch?> paths)
    {
        var places = new List<int>(paths.Length);
        HashSet<int> lengths = FiledLengths(paths);
        ILookup<Filing, int> filed = Enumerable.Range(0, paths.Length).ToLookup(place => FilingOf(paths[place], lengths));

        Dictionary<byte[], Cursor> exact = FileByPath(paths, filed[Filing.Exact], places);
        _exact = exact.GetAlternateLookup<ReadOnlySpan<byte>>();
        _prefixes =
        [
            .. filed[Filing.Prefix]
                .GroupBy(place => paths[place]!.Bytes.Length)
                .OrderBy(group => group.Key)
                .Select(group => new PrefixLength(
                    group.Key, FileByPath(paths, group, places).GetAlternateLookup<ReadOnlySpan<byte>>())),
        ];
        _rest = AddList(filed[Filing.Rest], places);
        _places = [.. places];
    }

    /// <summary>Finds the lists a path must be compared with.</summary>
    /// <returns>How many of <paramref name="lists"/> were filled.</returns>
    public int Open(ReadOnlySpan<byte> path, Span<Cursor> lists)
    {
        int count = 0;
        if (_rest.Start < _rest.End)
        {
            lists[count++] = _rest;
        }

        if (_exact.TryGetValue(path, out Cursor exact))
        {
            lists[count++] = exact;
        }

        foreach (PrefixLength prefixes in _prefixes)
        {
            if (prefixes.Bytes > path.Length)
            {
                break;
            }

            if (prefixes.Lists.TryGetValue(path[..prefixes.Bytes], out Cursor list))
            {
                lists[count++] = list;
            }
        }

        return count;
    }

    /// <summary>Takes the next condition, by order, from the lists opened.</summary>
    public bool TryNext(Span<Cursor> lists, out int place)
    {
        place = int.MaxValue;
        int from = -1;
        for (int i = 0; i < lists.Length; i++)
        {
            Cursor list = lists[i];
            if (list.Start < list.End && _places[list.Start] < place)
            {
                place = _places[list.Start];
                from = i;
            }
        }

        if (from < 0)
        {
            return false;
        }

        lists[from] = lists[from] with { Start = lists[from].Start + 1 };
        return true;
    }

    /// <summary>The lengths most prefixes have, as many as are filed.</summary>
    private static HashSet<int> FiledLengths(ImmutableArray<PathMatch?> paths) =>
    [
        .. paths
            .Where(path => path is { Kind: PathMatchKind.Prefix or PathMatchKind.Segments, IgnoresCase: false })
            .GroupBy(path => path!.Bytes.Length)
            .OrderByDescending(group => group.Count())
            .Take(PrefixLengthsMax)
            .Select(group => group.Key),
    ];

    private static Filing FilingOf(PathMatch? path, HashSet<int> lengths) => path switch
    {
        { Kind: PathMatchKind.Exact, IgnoresCase: false } => Filing.Exact,
        { Kind: PathMatchKind.Prefix or PathMatchKind.Segments, IgnoresCase: false } when lengths.Contains(path.Bytes.Length)
            => Filing.Prefix,
        _ => Filing.Rest,
    };

    private static Dictionary<byte[], Cursor> FileByPath(ImmutableArray<PathMatch?> paths, IEnumerable<int> filed, List<int> places) =>
        filed
            .GroupBy(place => paths[place]!.Bytes.ToArray(), ByteKeys.Comparer)
            .ToDictionary(group => group.Key, group => AddList(group, places), ByteKeys.Comparer);

    private static Cursor AddList(IEnumerable<int> list, List<int> places)
    {
        int start = places.Count;
        places.AddRange(list);
        return new Cursor(start, places.Count);
    }

    /// <summary>What is left of a list.</summary>
    internal readonly record struct Cursor(int Start, int End);

    private enum Filing
    {
        Exact,
        Prefix,
        Rest,
    }

    /// <summary>The prefixes of one length, with the list of each.</summary>
    private readonly record struct PrefixLength(int Bytes, Dictionary<byte[], Cursor>.AlternateLookup<ReadOnlySpan<byte>> Lists);
}
