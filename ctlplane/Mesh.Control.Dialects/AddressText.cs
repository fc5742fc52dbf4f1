using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Control.Dialects;

/// <summary>
/// Addresses and ranges as people write them, read strictly: the runtime's parser also takes "1", "0x7f.1" and zone indices, none of
/// which anybody means in a manifest. IPv4 in IPv6 clothing is turned back into IPv4, the form proxies compare.
/// </summary>
internal static class AddressText
{
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out IPAddress? address)
    {
        if (!IPAddress.TryParse(text, out address) || text.Contains('%') || text.Contains('['))
        {
            address = null;
            return false;
        }

        if (address.AddressFamily == AddressFamily.InterNetwork && !text.SequenceEqual(address.ToString()))
        {
            address = null;
            return false;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            address = address.MapToIPv4();
        }

        return true;
    }

    /// <summary>An address, or a range in CIDR form. Bits beyond the prefix are cleared, as Istio does.</summary>
    public static bool TryParseRange(ReadOnlySpan<char> text, out IPNetwork range)
    {
        range = default;
        int slash = text.IndexOf('/');
        if (!TryParse(slash < 0 ? text : text[..slash], out IPAddress? address))
        {
            return false;
        }

        int bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        int length = bits;
        if (slash >= 0)
        {
            ReadOnlySpan<char> lengthText = text[(slash + 1)..];
            if (lengthText.Length is 0 or > 3
                || lengthText.ContainsAnyExceptInRange('0', '9')
                || (lengthText.Length > 1 && lengthText[0] == '0')
                || (length = int.Parse(lengthText, System.Globalization.CultureInfo.InvariantCulture)) > bits)
            {
                return false;
            }
        }

        range = new IPNetwork(Mask(address, length), length);
        return true;
    }

    private static IPAddress Mask(IPAddress address, int length)
    {
        byte[] bytes = address.GetAddressBytes();
        for (int index = 0; index < bytes.Length; index++)
        {
            int kept = Math.Clamp(length - (index * 8), 0, 8);
            bytes[index] &= (byte)(0xff << (8 - kept));
        }

        return new IPAddress(bytes);
    }
}
