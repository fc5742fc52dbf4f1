using System.Collections.Immutable;
using System.Numerics;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>The short texts of <see cref="ResponseFlag"/>.</summary>
public static class ResponseFlagTexts
{
    private const string None = "-";

    // By the position of the flag's bit.
    private static readonly ImmutableArray<string> s_texts =
    [
        "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "DC", "URX", "SI", "IH", "DPE", "UMSDR", "DT",
        "UPE", "NC", "OM", "DR", "DF",
    ];

    /// <summary>How many flags there are.</summary>
    public static int Count => s_texts.Length;

    /// <summary>The text of one flag. Never allocates.</summary>
    /// <param name="bit">The position of its bit, 0 to <see cref="Count"/> - 1.</param>
    public static string OfBit(int bit) => s_texts[bit];

    /// <summary>The texts of all flags that hold, joined with commas; "-" for none. Allocates only for several at once.</summary>
    public static string Of(ResponseFlag flags)
    {
        uint bits = (uint)flags;
        if (bits == 0)
        {
            return None;
        }

        if (BitOperations.IsPow2(bits))
        {
            return s_texts[BitOperations.TrailingZeroCount(bits)];
        }

        return string.Join(',', Enumerable.Range(0, Count).Where(bit => (bits & (1u << bit)) != 0).Select(OfBit));
    }
}
