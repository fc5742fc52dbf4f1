using System.Buffers.Binary;
using System.Net;

namespace Mesh.Node.Protocols.Hbone;

/// <summary>IP addresses and ports in text, read strictly: what two readers could read differently is refused. Stateless.</summary>
/// <remarks>
/// Why not <see cref="IPAddress.TryParse(ReadOnlySpan{byte}, out IPAddress?)"/>: it takes "1", "0x7f.1" and "010.0.0.1" for addresses, and
/// IPv6 zones.
/// </remarks>
internal static class AddressText
{
    /// <summary>The longest address: eight groups, the last two as dotted decimal.</summary>
    public const int AddressBytesMax = 45;

    private const int GroupCount = 8;

    /// <summary>Reads four decimal numbers of 0 to 255 without leading zeros.</summary>
    public static bool TryParseIPv4(ReadOnlySpan<byte> text, out uint bits)
    {
        bits = 0;
        for (int part = 0; part < 4; part++)
        {
            int digits = 0;
            int number = 0;
            while (digits < text.Length && digits < 4 && text[digits] is >= (byte)'0' and <= (byte)'9')
            {
                number = (number * 10) + (text[digits++] - '0');
            }

            if (digits == 0 || number > byte.MaxValue || (digits > 1 && text[0] == (byte)'0'))
            {
                return false;
            }

            bits = (bits << 8) | (uint)number;
            text = text[digits..];
            if (part < 3)
            {
                if (text.IsEmpty || text[0] != (byte)'.')
                {
                    return false;
                }

                text = text[1..];
            }
        }

        return text.IsEmpty;
    }

    /// <summary>Reads an IPv6 address of RFC 4291 §2.2, without a zone.</summary>
    /// <param name="text">The address, without brackets.</param>
    /// <param name="address">16 bytes, network order.</param>
    public static bool TryParseIPv6(ReadOnlySpan<byte> text, Span<byte> address)
    {
        address.Clear();
        int groups = 0;
        int gapAt = -1; // Where "::" stands, in groups.
        if (text.StartsWith("::"u8))
        {
            gapAt = 0;
            text = text[2..];
        }

        while (!text.IsEmpty)
        {
            if (groups == GroupCount)
            {
                return false;
            }

            int digits = HexDigits(text, out int group);
            if (digits < text.Length && text[digits] == (byte)'.')
            {
                // Dotted decimal stands for the last two groups.
                if (groups > GroupCount - 2 || !TryParseIPv4(text, out uint bits))
                {
                    return false;
                }

                BinaryPrimitives.WriteUInt32BigEndian(address[(groups * 2)..], bits);
                groups += 2;
                break;
            }

            if (digits == 0)
            {
                return false;
            }

            BinaryPrimitives.WriteUInt16BigEndian(address[(groups * 2)..], (ushort)group);
            groups++;
            text = text[digits..];
            if (text.IsEmpty)
            {
                break;
            }

            if (text[0] != (byte)':' || text.Length == 1)
            {
                return false;
            }

            text = text[1..];
            if (text[0] == (byte)':')
            {
                if (gapAt >= 0)
                {
                    return false;
                }

                gapAt = groups;
                text = text[1..];
            }
        }

        if (gapAt < 0)
        {
            return groups == GroupCount;
        }

        // "::" stands for one group at least; what followed it moves to the end.
        if (groups >= GroupCount)
        {
            return false;
        }

        int after = (groups - gapAt) * 2;
        Span<byte> moved = stackalloc byte[16];
        address.Slice(gapAt * 2, after).CopyTo(moved);
        address[(gapAt * 2)..].Clear();
        moved[..after].CopyTo(address[(address.Length - after)..]);
        return true;
    }

    /// <summary>Reads "1.2.3.4:80" or "[::1]:80". IPv4-mapped addresses become IPv4.</summary>
    public static bool TryParseEndPoint(ReadOnlySpan<byte> text, out IPAddress? address, out int port)
    {
        address = null;
        port = 0;
        int colon = text.LastIndexOf((byte)':');
        return colon > 0 && TryParseAddress(text[..colon], out address) && TryParsePort(text[(colon + 1)..], out port);
    }

    /// <summary>Reads "1.2.3.4" or "[::1]". IPv4-mapped addresses become IPv4.</summary>
    public static bool TryParseAddress(ReadOnlySpan<byte> text, out IPAddress? address)
    {
        address = null;
        Span<byte> bytes = stackalloc byte[16];
        if (text.Length > 2 && text[0] == (byte)'[' && text[^1] == (byte)']')
        {
            if (text.Length - 2 > AddressBytesMax || !TryParseIPv6(text[1..^1], bytes))
            {
                return false;
            }

            bool isMapped = !bytes[..10].ContainsAnyExcept((byte)0) && bytes[10] == 0xFF && bytes[11] == 0xFF;
            address = new IPAddress(isMapped ? bytes[12..] : bytes);
            return true;
        }

        if (!TryParseIPv4(text, out uint bits))
        {
            return false;
        }

        BinaryPrimitives.WriteUInt32BigEndian(bytes, bits);
        address = new IPAddress(bytes[..4]);
        return true;
    }

    /// <summary>Reads a port of 1 to 65 535 without leading zeros.</summary>
    public static bool TryParsePort(ReadOnlySpan<byte> text, out int port)
    {
        port = 0;
        if (text.IsEmpty || text.Length > 5 || text[0] == (byte)'0')
        {
            return false;
        }

        foreach (byte digit in text)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            port = (port * 10) + (digit - '0');
        }

        return port <= ushort.MaxValue;
    }

    /// <summary>Writes "1.2.3.4:80" or "[::1]:80".</summary>
    public static bool TryFormatEndPoint(IPAddress address, int port, Span<byte> destination, out int bytesWritten)
    {
        var writer = new Utf8Writer(destination);
        bool isIPv6 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        writer.Write(isIPv6 ? "["u8 : ""u8);
        writer.Write(address);
        writer.Write(isIPv6 ? "]:"u8 : ":"u8);
        writer.Write(port);
        return writer.TryFinish(out bytesWritten);
    }

    private static int HexDigits(ReadOnlySpan<byte> text, out int value)
    {
        int digits = 0;
        value = 0;
        while (digits < text.Length && digits < 4 && char.IsAsciiHexDigit((char)text[digits]))
        {
            byte digit = text[digits++];
            value = (value << 4) | (digit <= (byte)'9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return digits;
    }
}
