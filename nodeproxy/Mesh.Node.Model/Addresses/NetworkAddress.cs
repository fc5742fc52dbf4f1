using System.Net;

namespace Mesh.Node.Model.Addresses;

/// <summary>An address in a network. Two networks may use the same addresses; the empty name is the default network.</summary>
public readonly record struct NetworkAddress(string Network, IpValue Address)
{
    /// <summary>The key of an address in a network. No allocation.</summary>
    public static NetworkAddress From(string network, IPAddress address) => new(network, IpValue.From(address));

    public override string ToString() => $"{Network}/{Address}";
}

/// <summary>A block of addresses in a network: a service's virtual addresses. A single address is a block of full length.</summary>
public readonly record struct NetworkPrefix(string Network, IpPrefix Prefix)
{
    public override string ToString() => $"{Network}/{Prefix}";
}
