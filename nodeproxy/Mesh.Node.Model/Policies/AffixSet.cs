namespace Mesh.Node.Model.Policies;

/// <summary>Texts asked one question: does this text begin, or end, with any of them. Found by bisection. Immutable; any thread.</summary>
internal sealed class AffixSet<T>
    where T : unmanaged, IEquatable<T>, IComparable<T>
{
    private readonly T[][] _values;
    private readonly bool _fromEnd;

    /// <param name="values">The texts.</param>
    /// <param name="fromEnd">They are ends, not beginnings.</param>
    public AffixSet(IEnumerable<T[]> values, bool fromEnd)
    {
        _fromEnd = fromEnd;

        // Sorted, and without those that a shorter one covers.
        var kept = new List<T[]>();
        foreach (T[] value in values.Order(Comparer<T[]>.Create((left, right) => Compare(left, right))))
        {
            if (kept.Count == 0 || !IsAffix(kept[^1], value))
            {
                kept.Add(value);
            }
        }

        _values = [.. kept];
    }

    /// <summary>True when some text of the set is the beginning, or the end, of this one. No allocation.</summary>
    /// <remarks>
    /// Everything that sorts between a prefix of the text and the text itself starts with that prefix, and the set holds no value that
    /// starts with another: so if any value is a prefix, it is the last that sorts at or before the text. Ends likewise, backwards.
    /// </remarks>
    public bool Covers(ReadOnlySpan<T> text)
    {
        int low = 0;
        int high = _values.Length - 1;
        while (low <= high)
        {
            int middle = (int)(((uint)low + (uint)high) >> 1);
            if (Compare(_values[middle], text) <= 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle - 1;
            }
        }

        return high >= 0 && IsAffix(_values[high], text);
    }

    private bool IsAffix(ReadOnlySpan<T> shorter, ReadOnlySpan<T> longer) =>
        _fromEnd ? longer.EndsWith(shorter) : longer.StartsWith(shorter);

    private int Compare(ReadOnlySpan<T> left, ReadOnlySpan<T> right) =>
        _fromEnd ? CompareBackward(left, right) : left.SequenceCompareTo(right);

    /// <summary>Orders texts as if both were written backwards.</summary>
    private static int CompareBackward(ReadOnlySpan<T> left, ReadOnlySpan<T> right)
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
