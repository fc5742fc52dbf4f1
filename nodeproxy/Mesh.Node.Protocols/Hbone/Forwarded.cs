using System.Net;
using System.Text;

namespace Mesh.Node.Protocols.Hbone;

/// <summary>
/// The forwarded header of an HBONE request: whose connection this is, and which service it asked for (RFC 7239). Immutable.
/// </summary>
/// <remarks>Of several elements the first counts: it was added by the proxy next to the client.</remarks>
public readonly record struct Forwarded
{
    /// <summary>The longest value that is read.</summary>
    public const int BytesMax = 1_024;

    private const int ElementsMax = 16;
    private const int ParametersMax = 8;

    /// <summary>The client, or null when it is unknown or hidden; port zero when none was given.</summary>
    public IPEndPoint? For { get; init; }

    /// <summary>The host name the client asked for, in lower case and without a port, or null.</summary>
    public string? Host { get; init; }

    /// <summary>Reads a whole value. Anything that is not RFC 7239 refuses all of it.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out Forwarded forwarded)
    {
        forwarded = default;
        if (text.Length > BytesMax)
        {
            return false;
        }

        for (int element = 0; element < ElementsMax; element++)
        {
            text = TrimStart(text);
            if (!TryParseElement(ref text, out Forwarded parsed))
            {
                return false;
            }

            if (element == 0)
            {
                forwarded = parsed;
            }

            text = TrimStart(text);
            if (text.IsEmpty)
            {
                return true;
            }

            if (text[0] != (byte)',')
            {
                break;
            }

            text = text[1..];
        }

        forwarded = default;
        return false;
    }

    /// <summary>Writes for="address:port" and, when the service is known, ;host=name, as ambient's proxies do.</summary>
    public static bool TryFormat(IPEndPoint client, string? host, Span<byte> destination, out int bytesWritten)
    {
        ArgumentNullException.ThrowIfNull(client);
        bytesWritten = 0;
        Span<byte> endPoint = stackalloc byte[AddressText.AddressBytesMax + 8];
        if (!AddressText.TryFormatEndPoint(client.Address, client.Port, endPoint, out int endPointBytes))
        {
            return false;
        }

        var writer = new Utf8Writer(destination);
        writer.Write("for=\""u8);
        writer.Write(endPoint[..endPointBytes]);
        writer.Write("\""u8);
        if (host is not null)
        {
            writer.Write(";host="u8);
            writer.Write(host);
        }

        return writer.TryFinish(out bytesWritten);
    }

    private static bool TryParseElement(ref ReadOnlySpan<byte> text, out Forwarded element)
    {
        element = default;
        bool hasFor = false;
        bool hasHost = false;
        Span<byte> value = stackalloc byte[BytesMax];
        for (int parameter = 0; parameter < ParametersMax; parameter++)
        {
            int nameBytes = TokenBytes(text);
            if (nameBytes == 0 || nameBytes == text.Length || text[nameBytes] != (byte)'=')
            {
                return false;
            }

            ReadOnlySpan<byte> name = text[..nameBytes];
            text = text[(nameBytes + 1)..];
            if (!TryParseValue(ref text, value, out int valueBytes))
            {
                return false;
            }

            if (Ascii.EqualsIgnoreCase(name, "for"u8))
            {
                if (hasFor || !TryParseNode(value[..valueBytes], out IPEndPoint? client))
                {
                    return false;
                }

                hasFor = true;
                element = element with { For = client };
            }
            else if (Ascii.EqualsIgnoreCase(name, "host"u8))
            {
                if (hasHost || !TryParseHost(value[..valueBytes], out string? host))
                {
                    return false;
                }

                hasHost = true;
                element = element with { Host = host };
            }

            if (text.IsEmpty || text[0] != (byte)';')
            {
                return true;
            }

            text = text[1..];
        }

        return false;
    }

    /// <summary>Reads a token or a quoted string, whose escapes are taken out.</summary>
    private static bool TryParseValue(ref ReadOnlySpan<byte> text, scoped Span<byte> value, out int valueBytes)
    {
        valueBytes = 0;
        if (text.IsEmpty || text[0] != (byte)'"')
        {
            valueBytes = TokenBytes(text);
            text[..valueBytes].CopyTo(value);
            text = text[valueBytes..];
            return valueBytes > 0;
        }

        for (int i = 1; i < text.Length; i++)
        {
            byte next = text[i];
            if (next == (byte)'"')
            {
                text = text[(i + 1)..];
                return true;
            }

            if (next == (byte)'\\')
            {
                if (++i == text.Length)
                {
                    return false;
                }

                next = text[i];
            }

            if (next is < 0x20 or > 0x7E)
            {
                return false;
            }

            value[valueBytes++] = next;
        }

        return false;
    }

    /// <summary>Reads the node of for=: an address with or without port, "unknown", or a hidden name (RFC 7239 §6).</summary>
    private static bool TryParseNode(ReadOnlySpan<byte> node, out IPEndPoint? client)
    {
        client = null;
        if (AddressText.TryParseAddress(node, out IPAddress? address))
        {
            client = new IPEndPoint(address!, 0);
            return true;
        }

        if (AddressText.TryParseEndPoint(node, out address, out int port))
        {
            client = new IPEndPoint(address!, port);
            return true;
        }

        return Ascii.EqualsIgnoreCase(node, "unknown"u8) || IsHidden(node);
    }

    private static bool IsHidden(ReadOnlySpan<byte> node)
    {
        if (node.Length < 2 || node[0] != (byte)'_')
        {
            return false;
        }

        foreach (byte next in node)
        {
            if (!char.IsAsciiLetterOrDigit((char)next) && next is not ((byte)'.' or (byte)'_' or (byte)'-'))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryParseHost(ReadOnlySpan<byte> text, out string? host)
    {
        host = null;
        int colon = text.LastIndexOf((byte)':');
        if (colon >= 0 && text[^1] != (byte)']')
        {
            if (!AddressText.TryParsePort(text[(colon + 1)..], out _))
            {
                return false;
            }

            text = text[..colon];
        }

        if (AddressText.TryParseAddress(text, out IPAddress? address))
        {
            host = address!.ToString();
            return true;
        }

        if (!HboneAuthority.IsHostName(text))
        {
            return false;
        }

        host = Encoding.ASCII.GetString(text).ToLowerInvariant();
        return true;
    }

    /// <summary>Length of the token the text begins with (RFC 9110 §5.6.2).</summary>
    private static int TokenBytes(ReadOnlySpan<byte> text)
    {
        int bytes = 0;
        while (bytes < text.Length
            && (char.IsAsciiLetterOrDigit((char)text[bytes]) || "!#$%&'*+-.^_`|~"u8.Contains(text[bytes])))
        {
            bytes++;
        }

        return bytes;
    }

    private static ReadOnlySpan<byte> TrimStart(ReadOnlySpan<byte> text) => text.TrimStart(" \t"u8);
}
