using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Node.Model.Naming;

/// <summary>The addresses a name was found to have. Immutable; two instances are two answers.</summary>
public sealed class NameAnswer
{
    /// <summary>More of one name are not looked at.</summary>
    public const int AddressesMax = 64;

    private NameAnswer(IPAddress first, ImmutableArray<IPAddress> addresses)
    {
        First = first;
        Addresses = addresses;
    }

    /// <summary>The one that was named first.</summary>
    public IPAddress First { get; }

    /// <summary>All of them, each once, in an order of their own.</summary>
    public ImmutableArray<IPAddress> Addresses { get; }

    /// <summary>
    /// Makes an answer of what a resolver said; null when nothing of it leads anywhere. Where there are addresses of IPv4, those of IPv6
    /// are left out: a pod without IPv6 would try them in vain. Nobody else is found at loopback, multicast or unspecified addresses.
    /// </summary>
    public static NameAnswer? Of(IEnumerable<IPAddress> found)
    {
        IPAddress[] usable = [.. found.Select(address => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).Where(LeadsSomewhere)];
        IPAddress[] preferred = [.. usable.Where(address => address.AddressFamily == AddressFamily.InterNetwork)];
        IPAddress[] taken = [.. (preferred.Length > 0 ? preferred : usable).Distinct().Take(AddressesMax)];
        return taken.Length == 0
            ? null
            : new NameAnswer(taken[0], [.. taken.OrderBy(address => address.ToString(), StringComparer.Ordinal)]);
    }

    /// <summary>Whether the other one says the same.</summary>
    /// <param name="other">Of the same name.</param>
    /// <param name="countsFirst">Whether it matters which address was named first. Most resolvers name another each time.</param>
    public bool IsSameAs(NameAnswer other, bool countsFirst) =>
        (!countsFirst || First.Equals(other.First)) && Addresses.AsSpan().SequenceEqual(other.Addresses.AsSpan());

    private static bool LeadsSomewhere(IPAddress address) =>
        !IPAddress.IsLoopback(address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any)
        && !address.IsIPv6Multicast && !address.IsIPv6LinkLocal
        && !(address.AddressFamily == AddressFamily.InterNetwork && address.GetAddressBytes()[0] is 0 or >= 224);
}
