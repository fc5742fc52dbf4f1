using System.Net;

namespace Mesh.Node.Protocols.Hbone;

/// <summary>The target of an HBONE CONNECT: an address and port, or a host name and port. Immutable.</summary>
/// <remarks>
/// Read strictly (reference: a peer whose :authority is not understood gets 400): one way to write each target, a port always,
/// IPv6 in brackets, IPv4-mapped addresses as IPv4, no host name that some resolver would take for an address.
/// </remarks>
public readonly record struct HboneAuthority
{
    /// <summary>Longest host name, colon, five digits.</summary>
    public const int BytesMax = HostBytesMax + 6;

    private const int HostBytesMax = 253;
    private const int LabelBytesMax = 63;

    private HboneAuthority(IPAddress? address, string? host, int port)
    {
        Address = address;
        Host = host;
        Port = port;
    }

    /// <summary>The address, or null when the target is a host name.</summary>
    public IPAddress? Address { get; }

    /// <summary>The host name in lower case, or null when the target is an address.</summary>
    public string? Host { get; }

    /// <summary>1 to 65 535.</summary>
    public int Port { get; }

    /// <summary>The address and port, or null when the target is a host name.</summary>
    public IPEndPoint? EndPoint => Address is null ? null : new IPEndPoint(Address, Port);

    /// <summary>Reads the value of :authority.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out HboneAuthority authority)
    {
        authority = default;
        int colon = text.LastIndexOf((byte)':');
        if (text.Length > BytesMax || colon <= 0 || !AddressText.TryParsePort(text[(colon + 1)..], out int port))
        {
            return false;
        }

        ReadOnlySpan<byte> host = text[..colon];
        if (AddressText.TryParseAddress(host, out IPAddress? address))
        {
            authority = new HboneAuthority(address, host: null, port);
            return true;
        }

        if (!IsHostName(host))
        {
            return false;
        }

        authority = new HboneAuthority(address: null, Lower(host), port);
        return true;
    }

    /// <summary>Writes an address and port as :authority wants it.</summary>
    /// <param name="target">What the app asked for.</param>
    /// <param name="destination"><see cref="BytesMax"/> bytes always suffice.</param>
    /// <param name="bytesWritten">How many bytes were written.</param>
    /// <returns>False when it does not fit.</returns>
    public static bool TryFormat(IPEndPoint target, Span<byte> destination, out int bytesWritten)
    {
        ArgumentNullException.ThrowIfNull(target);
        return AddressText.TryFormatEndPoint(target.Address, target.Port, destination, out bytesWritten);
    }

    /// <summary>Writes a host name and port as :authority wants it.</summary>
    public static bool TryFormat(string host, int port, Span<byte> destination, out int bytesWritten)
    {
        ArgumentNullException.ThrowIfNull(host);
        var writer = new Utf8Writer(destination);
        writer.Write(host);
        writer.Write(":"u8);
        writer.Write(port);
        return writer.TryFinish(out bytesWritten);
    }

    /// <summary>True for a DNS name of letters, digits and hyphens that no resolver takes for a number.</summary>
    internal static bool IsHostName(ReadOnlySpan<byte> host)
    {
        if (host.IsEmpty || host.Length > HostBytesMax)
        {
            return false;
        }

        ReadOnlySpan<byte> label = default;
        while (true)
        {
            int dot = host.IndexOf((byte)'.');
            label = dot < 0 ? host : host[..dot];
            if (!IsLabel(label))
            {
                return false;
            }

            if (dot < 0)
            {
                // "10.0.0.300", "1" and "0x7f" are numbers to some resolvers: a name's last label is none.
                return !IsNumeric(label);
            }

            host = host[(dot + 1)..];
        }
    }

    private static bool IsLabel(ReadOnlySpan<byte> label)
    {
        if (label.IsEmpty || label.Length > LabelBytesMax || label[0] == (byte)'-' || label[^1] == (byte)'-')
        {
            return false;
        }

        foreach (byte next in label)
        {
            if (!char.IsAsciiLetterOrDigit((char)next) && next != (byte)'-')
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsNumeric(ReadOnlySpan<byte> label)
    {
        if (label.Length >= 2 && label[0] == (byte)'0' && (label[1] | 0x20) == 'x')
        {
            label = label[2..];
            foreach (byte next in label)
            {
                if (!char.IsAsciiHexDigit((char)next))
                {
                    return false;
                }
            }

            return true;
        }

        return !label.ContainsAnyExceptInRange((byte)'0', (byte)'9');
    }

    private static string Lower(ReadOnlySpan<byte> host) => string.Create(host.Length, host, static (characters, bytes) =>
    {
        for (int i = 0; i < bytes.Length; i++)
        {
            characters[i] = char.ToLowerInvariant((char)bytes[i]);
        }
    });
}
