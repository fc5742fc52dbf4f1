namespace Mesh.Node.Protocols.Dns;

/// <summary>The record types the proxy has to know (RFC 1035, 3596, 6891, 9460); every other is a number.</summary>
public static class DnsTypes
{
    /// <summary>An IPv4 address.</summary>
    public const ushort A = 1;

    /// <summary>An IPv6 address.</summary>
    public const ushort Aaaa = 28;

    /// <summary>The pseudo-record of EDNS(0).</summary>
    public const ushort Opt = 41;

    /// <summary>How a service is bound, addresses among it.</summary>
    public const ushort Svcb = 64;

    /// <summary>The same of an HTTPS origin.</summary>
    public const ushort Https = 65;

    /// <summary>The class of the Internet.</summary>
    public const ushort Internet = 1;
}
