namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>Integers with a prefix of N bits (RFC 7541 §5.1). Stateless.</summary>
public static class HpackInteger
{
    /// <summary>The largest value that is read: far above every limit in use, far below overflow.</summary>
    public const int ValueMax = (1 << 28) - 1;

    /// <summary>Bytes that any value takes.</summary>
    public const int EncodedBytesMax = 6;

    private const int ContinuationBytesMax = 5;

    /// <summary>Reads an integer off the front of <paramref name="source"/>.</summary>
    /// <param name="source">Moved past the integer when it was read.</param>
    /// <param name="prefixBits">1 to 8.</param>
    /// <param name="value">0 to <see cref="ValueMax"/>.</param>
    /// <returns><see cref="HpackStatus.Ok"/>, <see cref="HpackStatus.Truncated"/> or <see cref="HpackStatus.IntegerTooLarge"/>.</returns>
    public static HpackStatus TryRead(ref ReadOnlySpan<byte> source, int prefixBits, out int value)
    {
        value = 0;
        if (source.IsEmpty)
        {
            return HpackStatus.Truncated;
        }

        int prefixMax = (1 << prefixBits) - 1;
        int prefix = source[0] & prefixMax;
        if (prefix < prefixMax)
        {
            value = prefix;
            source = source[1..];
            return HpackStatus.Ok;
        }

        long sum = prefix;
        for (int i = 1; i <= ContinuationBytesMax; i++)
        {
            if (i >= source.Length)
            {
                return HpackStatus.Truncated;
            }

            byte next = source[i];
            sum += (long)(next & 0x7F) << (7 * (i - 1));
            if (sum > ValueMax)
            {
                return HpackStatus.IntegerTooLarge;
            }

            if ((next & 0x80) == 0)
            {
                value = (int)sum;
                source = source[(i + 1)..];
                return HpackStatus.Ok;
            }
        }

        return HpackStatus.IntegerTooLarge;
    }

    /// <summary>Writes an integer and returns how many bytes it took.</summary>
    /// <param name="destination">At least <see cref="EncodedBytesMax"/> bytes.</param>
    /// <param name="pattern">The bits above the prefix, in place.</param>
    /// <param name="prefixBits">1 to 8.</param>
    /// <param name="value">0 or more.</param>
    public static int Write(Span<byte> destination, byte pattern, int prefixBits, int value)
    {
        int prefixMax = (1 << prefixBits) - 1;
        if (value < prefixMax)
        {
            destination[0] = (byte)(pattern | value);
            return 1;
        }

        destination[0] = (byte)(pattern | prefixMax);
        uint rest = (uint)(value - prefixMax);
        int written = 1;
        while (rest >= 0x80)
        {
            destination[written++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        destination[written++] = (byte)rest;
        return written;
    }
}
