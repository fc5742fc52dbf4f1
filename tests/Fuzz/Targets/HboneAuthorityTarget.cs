using System.Net;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Fuzz.Targets;

/// <summary>
/// :authority of a CONNECT, against regular expressions and against the framework; what was read is written and read again.
/// </summary>
internal sealed class HboneAuthorityTarget() : TextTarget(
    "hbone-authority",
    "1", "10", "255", "256", "0", "00", "01", "10.0.0.1", "1.2.3", ".", ":", "::", "[", "]", "[::1]", ":80", ":65535", ":65536", ":0", "fd00", "ffff",
    "a", "A", "g", "-", "host", "host.name", "0x", "0x7f", "%", "/", " ", "@", "_", "\0", "\u00e9", "::ffff:", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:")
{
    protected override string Compare(byte[] input, string text)
    {
        bool parsed = HboneAuthority.TryParse(input, out HboneAuthority authority);
        (IPAddress? address, string? host, int port) = Oracle(text);
        FuzzFailure.ThrowUnlessEqual(address is not null || host is not null, parsed, "Valid");
        if (!parsed)
        {
            return Invalid;
        }

        FuzzFailure.ThrowUnlessEqual(address?.ToString() ?? "", authority.Address?.ToString() ?? "", "Address");
        FuzzFailure.ThrowUnlessEqual(host ?? "", authority.Host ?? "", "Host");
        FuzzFailure.ThrowUnlessEqual(port, authority.Port, "Port");

        byte[] written = new byte[HboneAuthority.BytesMax];
        int bytes;
        if (authority.EndPoint is { } endPoint)
        {
            IPAddress framework = IPEndPoint.Parse(text).Address;
            FuzzFailure.ThrowUnlessEqual(
                (framework.IsIPv4MappedToIPv6 ? framework.MapToIPv4() : framework).ToString(), endPoint.Address.ToString(), "The framework's address");
            Expect(HboneAuthority.TryFormat(endPoint, written, out bytes));
        }
        else
        {
            Expect(HboneAuthority.TryFormat(authority.Host!, authority.Port, written, out bytes));
        }

        Expect(HboneAuthority.TryParse(written.AsSpan(0, bytes), out HboneAuthority again));
        FuzzFailure.ThrowUnlessEqual(authority, again, "Written and read again");
        return authority.Address is null ? "host" : authority.Address.AddressFamily.ToString();
    }

    private static (IPAddress? Address, string? Host, int Port) Oracle(string text)
    {
        int colon = text.LastIndexOf(':');
        if (text.Length > 259 || colon < 0 || SlowAddress.Port(text[(colon + 1)..]) is not { } port)
        {
            return (null, null, 0);
        }

        string host = text[..colon];
        IPAddress? address = SlowAddress.Parse(host);
        return (address, address is null && SlowAddress.IsHostName(host) ? host.ToLowerInvariant() : null, port);
    }

    private static void Expect(bool succeeded)
    {
        if (!succeeded)
        {
            throw new FuzzFailure("What was read cannot be written and read again.");
        }
    }
}
