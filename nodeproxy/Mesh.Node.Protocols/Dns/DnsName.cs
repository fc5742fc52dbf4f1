using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Dns;

/// <summary>
/// Names on the wire (RFC 1035 sections 3.1 and 4.1.4): labels of 1 to 63 bytes, 255 bytes in all, the last one empty. Pure; no allocation.
/// </summary>
public static class DnsName
{
    /// <summary>The longest name on the wire, the empty label at its end included.</summary>
    public const int BytesMax = 255;

    private const int LabelBytesMax = 63;
    private const int PointerBits = 0xC0;

    /// <summary>
    /// Goes over a name, following pointers. Every pointer must lead to before where the run of labels that holds it began, so a name ends
    /// whatever is in the message.
    /// </summary>
    /// <param name="message">The whole message.</param>
    /// <param name="offset">Where the name begins; after it on success.</param>
    /// <returns>False for a name that is cut, too long, of labels of a kind nobody uses, or whose pointers lead forward.</returns>
    public static bool TrySkip(ReadOnlySpan<byte> message, ref int offset)
    {
        int at = offset;
        int runStart = offset;
        int nameBytes = 0;
        int end = -1;
        while (at < message.Length)
        {
            int length = message[at];
            if (length > LabelBytesMax)
            {
                if ((length & PointerBits) != PointerBits || at + 1 >= message.Length)
                {
                    return false;
                }

                int target = BinaryPrimitives.ReadUInt16BigEndian(message[at..]) & 0x3FFF;
                end = end < 0 ? at + 2 : end;
                if (target >= runStart)
                {
                    return false;
                }

                at = target;
                runStart = target;
                continue;
            }

            nameBytes += length + 1;
            at += length + 1;
            if (nameBytes > BytesMax || at > message.Length)
            {
                return false;
            }

            if (length == 0)
            {
                offset = end < 0 ? at : end;
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The length of a name written without pointers, as a question's is.
    /// </summary>
    /// <param name="bytes">Begins with the name.</param>
    /// <param name="nameBytes">Its bytes, the empty label at its end included: 1 to 255.</param>
    /// <returns>False when it is cut, too long or holds a pointer.</returns>
    public static bool TryMeasurePlain(ReadOnlySpan<byte> bytes, out int nameBytes)
    {
        nameBytes = 0;
        while (nameBytes < bytes.Length && nameBytes < BytesMax)
        {
            int length = bytes[nameBytes];
            if (length > LabelBytesMax)
            {
                return false;
            }

            nameBytes += length + 1;
            if (length == 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Writes a plain name as host names are configured: in lower case, with dots, without one at the end.
    /// </summary>
    /// <param name="plain">A name that <see cref="TryMeasurePlain"/> accepted, whole.</param>
    /// <param name="text">At least <see cref="BytesMax"/> bytes.</param>
    /// <param name="textBytes">How many were written; 0 for the root.</param>
    /// <returns>False when it is no host name: it has other bytes than letters, digits, hyphens and underscores.</returns>
    public static bool TryWriteHost(ReadOnlySpan<byte> plain, Span<byte> text, out int textBytes)
    {
        textBytes = 0;
        int at = 0;
        while (plain[at] != 0)
        {
            if (textBytes > 0)
            {
                text[textBytes++] = (byte)'.';
            }

            foreach (byte next in plain.Slice(at + 1, plain[at]))
            {
                byte lower = ToLower(next);
                if (lower is not ((>= (byte)'a' and <= (byte)'z') or (>= (byte)'0' and <= (byte)'9') or (byte)'-' or (byte)'_'))
                {
                    return false;
                }

                text[textBytes++] = lower;
            }

            at += plain[at] + 1;
        }

        return true;
    }

    /// <summary>Whether two plain names are one: letters compare without regard to case.</summary>
    public static bool AreSame(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        if (left.Length != right.Length)
        {
            return false;
        }

        // Lengths of labels are below the letters, so they compare by the way.
        for (int i = 0; i < left.Length; i++)
        {
            if (ToLower(left[i]) != ToLower(right[i]))
            {
                return false;
            }
        }

        return true;
    }

    private static byte ToLower(byte value) => value is >= (byte)'A' and <= (byte)'Z' ? (byte)(value | 0x20) : value;
}
