namespace Mesh.Node.Model.Addresses;

/// <summary>
/// Many CIDR blocks asked one question: is this address in any of them. The blocks are merged into disjoint ranges, sorted, so the answer
/// is a binary search over two arrays however many blocks there are. Immutable; any thread.
/// </summary>
/// <remarks>
/// A trie would answer in as many steps as the address has bits, each a cache miss; the ranges answer in log2 of their number.
/// </remarks>
public sealed class PrefixSet
{
    private readonly IpValue[] _firsts;
    private readonly IpValue[] _lasts;

    private PrefixSet(IpValue[] firsts, IpValue[] lasts)
    {
        _firsts = firsts;
        _lasts = lasts;
    }

    /// <summary>Number of disjoint ranges the blocks were merged into.</summary>
    public int RangeCount => _firsts.Length;

    /// <summary>Merges the blocks.</summary>
    public static PrefixSet Create(ReadOnlySpan<IpPrefix> prefixes)
    {
        IpPrefix[] sorted = prefixes.ToArray();
        Array.Sort(sorted, static (left, right) => left.Network.CompareTo(right.Network) is var order and not 0
            ? order
            : left.LengthBits.CompareTo(right.LengthBits));

        var firsts = new List<IpValue>(sorted.Length);
        var lasts = new List<IpValue>(sorted.Length);
        foreach (IpPrefix prefix in sorted)
        {
            // CIDR blocks nest or are disjoint, so a block that starts inside the previous one also ends inside it.
            if (lasts.Count > 0 && prefix.Network <= lasts[^1])
            {
                continue;
            }

            firsts.Add(prefix.Network);
            lasts.Add(prefix.Last);
        }

        return new PrefixSet([.. firsts], [.. lasts]);
    }

    /// <summary>True when some block holds the address. No allocation.</summary>
    public bool Contains(IpValue address)
    {
        int low = 0;
        int high = _firsts.Length - 1;
        while (low <= high)
        {
            int middle = (int)(((uint)low + (uint)high) >> 1);
            if (_firsts[middle] > address)
            {
                high = middle - 1;
            }
            else if (_lasts[middle] < address)
            {
                low = middle + 1;
            }
            else
            {
                return true;
            }
        }

        return false;
    }
}
