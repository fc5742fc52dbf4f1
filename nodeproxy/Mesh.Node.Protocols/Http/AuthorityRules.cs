using System.Buffers;
using System.Net;

namespace Mesh.Node.Protocols.Http;

/// <summary>What may stand in Host, :authority and the targets that have an authority (RFC 3986 §3.2, RFC 9110 §4.2). Pure.</summary>
/// <remarks>
/// No userinfo, which only deceives people (RFC 9110 §4.2.4); no empty host; no empty port, which would be a second way to write the
/// same; no zones and no future forms of addresses.
/// </remarks>
internal static class AuthorityRules
{
    private const int PortDigitsMax = 5;
    private const int PortMax = 65_535;

    // RFC 3986 §3.2.2: reg-name without its escapes, which are looked at one by one.
    private static readonly SearchValues<byte> s_nameBytes = SearchValues.Create(
        "!$&'()*+,-.;=_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> s_addressBytes = SearchValues.Create(".:0123456789ABCDEFabcdef"u8);

    /// <summary>True for a host, and a port if there is one.</summary>
    public static bool IsAuthority(ReadOnlySpan<byte> text) => IsHostAndPort(text, out _);

    /// <summary>True for a host and a port: the target of a CONNECT (RFC 9112 §3.2.3).</summary>
    public static bool IsAuthorityWithPort(ReadOnlySpan<byte> text) => IsHostAndPort(text, out bool hasPort) && hasPort;

    private static bool IsHostAndPort(ReadOnlySpan<byte> text, out bool hasPort)
    {
        ReadOnlySpan<byte> rest;
        if (!text.IsEmpty && text[0] == (byte)'[')
        {
            int end = text.IndexOf((byte)']');
            hasPort = false;
            if (end < 0 || !IsAddress(text[1..end]))
            {
                return false;
            }

            rest = text[(end + 1)..];
        }
        else
        {
            int colon = text.IndexOf((byte)':');
            int hostBytes = colon < 0 ? text.Length : colon;
            hasPort = false;
            if (!IsName(text[..hostBytes]))
            {
                return false;
            }

            rest = text[hostBytes..];
        }

        hasPort = !rest.IsEmpty;
        return !hasPort || (rest[0] == (byte)':' && IsPort(rest[1..]));
    }

    private static bool IsAddress(ReadOnlySpan<byte> text) =>
        text.Contains((byte)':') && !text.ContainsAnyExcept(s_addressBytes) && IPAddress.IsValidUtf8(text);

    private static bool IsName(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return false;
        }

        int odd;
        while ((odd = text.IndexOfAnyExcept(s_nameBytes)) >= 0)
        {
            bool isEscape = text[odd] == (byte)'%' && text.Length > odd + 2
                && char.IsAsciiHexDigit((char)text[odd + 1]) && char.IsAsciiHexDigit((char)text[odd + 2]);
            if (!isEscape)
            {
                return false;
            }

            text = text[(odd + 3)..];
        }

        return true;
    }

    private static bool IsPort(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty || text.Length > PortDigitsMax || text.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return false;
        }

        int port = 0;
        foreach (byte digit in text)
        {
            port = (port * 10) + (digit - '0');
        }

        return port <= PortMax;
    }
}
