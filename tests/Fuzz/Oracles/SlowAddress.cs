using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Mesh.Fuzz.Oracles;

/// <summary>Addresses, ports and host names read with regular expressions and splits.</summary>
internal static partial class SlowAddress
{
    /// <summary>"1.2.3.4" or "[::1]", or null.</summary>
    public static IPAddress? Parse(string text)
    {
        if (IPv4().IsMatch(text))
        {
            return new IPAddress([.. text.Split('.').Select(part => byte.Parse(part, CultureInfo.InvariantCulture))]);
        }

        Match bracketed = Bracketed().Match(text);
        byte[]? bytes = bracketed.Success ? IPv6(bracketed.Groups[1].Value) : null;
        if (bytes is null)
        {
            return null;
        }

        var address = new IPAddress(bytes);
        return address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
    }

    public static int? Port(string text) =>
        PortNumber().IsMatch(text) && int.Parse(text, CultureInfo.InvariantCulture) <= 65_535 ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    public static bool IsHostName(string text) =>
        text.Length <= 253 && HostName().IsMatch(text) && !Number().IsMatch(text.Split('.')[^1]);

    private static byte[]? IPv6(string text)
    {
        string[] halves = text.Split("::");
        if (halves.Length > 2)
        {
            return null;
        }

        List<byte>? before = Groups(halves[0], mayEndInIPv4: halves.Length == 1);
        List<byte>? after = halves.Length == 1 ? [] : Groups(halves[1], mayEndInIPv4: true);
        if (before is null || after is null)
        {
            return null;
        }

        int missing = 16 - before.Count - after.Count;
        bool isRight = halves.Length == 1 ? missing == 0 : missing >= 2;
        return isRight ? [.. before, .. new byte[missing], .. after] : null;
    }

    private static List<byte>? Groups(string text, bool mayEndInIPv4)
    {
        List<byte> bytes = [];
        if (text.Length == 0)
        {
            return bytes;
        }

        string[] groups = text.Split(':');
        for (int i = 0; i < groups.Length; i++)
        {
            if (Group().IsMatch(groups[i]))
            {
                int value = int.Parse(groups[i], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                bytes.AddRange([(byte)(value >> 8), (byte)value]);
            }
            else if (mayEndInIPv4 && i == groups.Length - 1 && IPv4().IsMatch(groups[i]))
            {
                bytes.AddRange(groups[i].Split('.').Select(part => byte.Parse(part, CultureInfo.InvariantCulture)));
            }
            else
            {
                return null;
            }
        }

        return bytes.Count <= 16 ? bytes : null;
    }

    [GeneratedRegex(@"^(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}\z")]
    private static partial Regex IPv4();

    [GeneratedRegex(@"^\[([0-9A-Fa-f:.]{2,45})\]\z")]
    private static partial Regex Bracketed();

    [GeneratedRegex(@"^[0-9A-Fa-f]{1,4}\z")]
    private static partial Regex Group();

    [GeneratedRegex(@"^[1-9][0-9]{0,4}\z")]
    private static partial Regex PortNumber();

    [GeneratedRegex(@"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\z")]
    private static partial Regex HostName();

    [GeneratedRegex(@"^([0-9]+|0[xX][0-9A-Fa-f]*)\z")]
    private static partial Regex Number();
}
