namespace Mesh.Control.Model.Inputs;

/// <summary>Names and values, sorted once. Labels, annotations and the selectors over them. Immutable.</summary>
public sealed class Labels
{
    private readonly KeyValuePair<string, string>[] _sorted;

    private Labels(KeyValuePair<string, string>[] sorted) => _sorted = sorted;

    public static Labels Empty { get; } = new([]);

    public int Count => _sorted.Length;

    public ReadOnlySpan<KeyValuePair<string, string>> Entries => _sorted;

    /// <param name="entries">No key twice.</param>
    public static Labels Of(IEnumerable<KeyValuePair<string, string>> entries)
    {
        KeyValuePair<string, string>[] sorted = [.. entries];
        Array.Sort(sorted, static (left, right) => string.CompareOrdinal(left.Key, right.Key));
        return sorted.Length == 0 ? Empty : new Labels(sorted);
    }

    public string? Find(string key)
    {
        int low = 0;
        int high = _sorted.Length - 1;
        while (low <= high)
        {
            int middle = (low + high) >>> 1;
            int order = string.CompareOrdinal(_sorted[middle].Key, key);
            if (order == 0)
            {
                return _sorted[middle].Value;
            }

            if (order < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return null;
    }

    /// <summary>Whether every entry of <paramref name="selector"/> is here. An empty selector selects everything.</summary>
    public bool Satisfy(Labels selector)
    {
        foreach (KeyValuePair<string, string> wanted in selector._sorted)
        {
            if (!string.Equals(Find(wanted.Key), wanted.Value, StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }
}
