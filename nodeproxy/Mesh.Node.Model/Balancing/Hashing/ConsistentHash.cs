using System.IO.Hashing;

namespace Mesh.Node.Model.Balancing.Hashing;

/// <summary>
/// Leads keys to endpoints so that a key stays with its endpoint when others come and go. Immutable; any thread; the same on every node
/// that knows the same endpoints.
/// </summary>
public abstract class ConsistentHash
{
    /// <summary>What no endpoint is.</summary>
    public const int None = -1;

    /// <summary>The hash of a key: XXH64, so that all nodes agree.</summary>
    public static ulong HashOf(ReadOnlySpan<byte> key) => XxHash64.HashToUInt64(key);

    /// <summary>Finds the endpoint of a key.</summary>
    /// <param name="hash">The key's <see cref="HashOf"/>.</param>
    /// <param name="isUsable">Of each endpoint, in the order given at creation, whether it may be used.</param>
    /// <returns>
    /// Its place in that order: the key's own, or where that may not be used, the next that may, which is again the same every time;
    /// <see cref="None"/> when none may.
    /// </returns>
    public int Pick(ulong hash, ReadOnlySpan<bool> isUsable)
    {
        int slots = SlotCount;
        int first = slots == 0 ? 0 : SlotOf(hash);
        for (int i = 0; i < slots; i++)
        {
            int slot = first + i;
            int endpoint = EndpointAt(slot < slots ? slot : slot - slots);
            if (isUsable[endpoint])
            {
                return endpoint;
            }
        }

        return None;
    }

    private protected abstract int SlotCount { get; }

    private protected abstract int SlotOf(ulong hash);

    private protected abstract int EndpointAt(int slot);
}
