using System.Diagnostics;

namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>The static Huffman code of HPACK (RFC 7541 §5.2, appendix B), both ways. Stateless.</summary>
/// <remarks>
/// The code is canonical: within a length, codes ascend with the symbol, and the first code of a length continues where the shorter
/// lengths stopped. So the lengths below are the whole table, and everything else is computed from them once.
/// </remarks>
public static class HuffmanCode
{
    private const int EndOfString = 256;
    private const int SymbolCount = 257;
    private const int CodeBitsMin = 5;
    private const int CodeBitsMax = 30;
    private const int ShortCodeBitsMax = 8;

    /// <summary>Code of each symbol, right-aligned.</summary>
    private static readonly uint[] s_codes = new uint[SymbolCount];

    /// <summary>For the next eight bits, when they begin with a code of at most eight: symbol &lt;&lt; 8 | bits. Otherwise zero.</summary>
    private static readonly ushort[] s_shortCodes = new ushort[1 << ShortCodeBitsMax];

    /// <summary>For each length: the first left-aligned 32-bit window that belongs to a longer code.</summary>
    private static readonly ulong[] s_limits = new ulong[CodeBitsMax + 1];

    /// <summary>For each length: its first code, and where its symbols begin in <see cref="s_symbols"/>.</summary>
    private static readonly uint[] s_firstCodes = new uint[CodeBitsMax + 1];
    private static readonly int[] s_firstSymbols = new int[CodeBitsMax + 1];

    /// <summary>Symbols in the order of their codes.</summary>
    private static readonly ushort[] s_symbols = new ushort[SymbolCount];

    static HuffmanCode()
    {
        uint code = 0;
        int sorted = 0;
        for (int bits = 1; bits <= CodeBitsMax; bits++)
        {
            code <<= 1;
            s_firstCodes[bits] = code;
            s_firstSymbols[bits] = sorted;
            for (int symbol = 0; symbol < SymbolCount; symbol++)
            {
                if (CodeBits[symbol] != bits)
                {
                    continue;
                }

                s_codes[symbol] = code;
                s_symbols[sorted++] = (ushort)symbol;
                if (bits <= ShortCodeBitsMax)
                {
                    int first = (int)(code << (ShortCodeBitsMax - bits));
                    s_shortCodes.AsSpan(first, 1 << (ShortCodeBitsMax - bits)).Fill((ushort)((symbol << 8) | bits));
                }

                code++;
            }

            s_limits[bits] = (ulong)code << (32 - bits);
        }

        Debug.Assert(sorted == SymbolCount && code == 1u << CodeBitsMax, "A complete prefix code uses every code word.");
    }

    private static ReadOnlySpan<byte> CodeBits =>
    [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
        28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
        6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
        5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
        13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
        7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
        6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
        20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
        24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
        22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
        21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
        26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
        19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
        20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
        26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
        30,
    ];

    /// <summary>Room that any string of <paramref name="encodedBytes"/> decodes into: the shortest code has five bits.</summary>
    public static int DecodedBytesMax(int encodedBytes) => (int)((long)encodedBytes * 8 / CodeBitsMin);

    /// <summary>Bytes that <see cref="Encode"/> will write.</summary>
    public static int EncodedBytes(ReadOnlySpan<byte> source)
    {
        ReadOnlySpan<byte> codeBits = CodeBits;
        long bits = 0;
        foreach (byte symbol in source)
        {
            bits += codeBits[symbol];
        }

        return (int)((bits + 7) / 8);
    }

    /// <summary>Writes the code of <paramref name="source"/> and returns how many bytes it took.</summary>
    public static int Encode(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ReadOnlySpan<byte> codeBits = CodeBits;
        uint[] codes = s_codes;
        ulong pending = 0;
        int pendingBits = 0;
        int written = 0;
        foreach (byte symbol in source)
        {
            int bits = codeBits[symbol];
            pending = (pending << bits) | codes[symbol];
            pendingBits += bits;
            while (pendingBits >= 8)
            {
                pendingBits -= 8;
                destination[written++] = (byte)(pending >> pendingBits);
            }
        }

        if (pendingBits > 0)
        {
            // The rest of the last byte is the beginning of the end-of-string code: ones.
            destination[written++] = (byte)((pending << (8 - pendingBits)) | (0xFFu >> pendingBits));
        }

        return written;
    }

    /// <summary>Decodes a whole string.</summary>
    /// <param name="source">The encoded bytes.</param>
    /// <param name="destination">At least <see cref="DecodedBytesMax"/> bytes.</param>
    /// <param name="written">How many bytes were decoded.</param>
    /// <returns>False for an end-of-string code inside the string, or padding that is longer than seven bits or not all ones.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        ulong window = 0; // Left-aligned: the next bit is the top one.
        int windowBits = 0;
        int taken = 0;
        written = 0;
        while (true)
        {
            while (windowBits <= 56 && taken < source.Length)
            {
                window |= (ulong)source[taken++] << (56 - windowBits);
                windowBits += 8;
            }

            if (windowBits == 0)
            {
                return true;
            }

            int bits;
            int symbol;
            int shortCode = s_shortCodes[window >> (64 - ShortCodeBitsMax)];
            if (shortCode != 0)
            {
                bits = shortCode & 0xFF;
                symbol = shortCode >> 8;
            }
            else
            {
                uint top = (uint)(window >> 32);
                bits = ShortCodeBitsMax + 1;
                while (top >= s_limits[bits])
                {
                    bits++;
                }

                symbol = s_symbols[s_firstSymbols[bits] + (int)((top >> (32 - bits)) - s_firstCodes[bits])];
            }

            if (bits > windowBits)
            {
                // What is left is not a code. It must be padding: fewer than eight bits, all ones (RFC 7541 §5.2).
                return windowBits < 8 && window >> (64 - windowBits) == (1u << windowBits) - 1;
            }

            if (symbol == EndOfString)
            {
                return false;
            }

            destination[written++] = (byte)symbol;
            window <<= bits;
            windowBits -= bits;
        }
    }
}
