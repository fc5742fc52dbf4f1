using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Mesh.Lab.Networking;

/// <summary>One port of a service at one of its addresses, and where its connections may go.</summary>
internal sealed record ServiceRoute(IPAddress Address, string Protocol, ushort Port, IReadOnlyList<IPEndPoint> Endpoints);

/// <summary>
/// The part kube-proxy plays in a cluster: in every node, what pods send to a service's address uncaptured goes to one of its endpoints.
/// Captured connections never get here; the mesh has chosen before.
/// </summary>
internal static class ServiceRouting
{
    private const string Table = "lab_services";

    /// <summary>An nft script that replaces the node's whole table in one transaction.</summary>
    public static string Render(IEnumerable<ServiceRoute> routes)
    {
        var text = new StringBuilder();
        ILookup<AddressFamily, ServiceRoute> byFamily = routes.ToLookup(route => route.Address.AddressFamily);
        Append(text, "ip", byFamily[AddressFamily.InterNetwork]);
        Append(text, "ip6", byFamily[AddressFamily.InterNetworkV6]);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string family, IEnumerable<ServiceRoute> routes)
    {
        // An empty table is declared first, so that the deletion cannot fail.
        text.Append(CultureInfo.InvariantCulture, $"table {family} {Table} {{}}\ndelete table {family} {Table}\n");
        text.Append(CultureInfo.InvariantCulture, $"table {family} {Table} {{\n  chain services {{\n");
        foreach (ServiceRoute route in routes.Where(route => route.Endpoints.Count > 0))
        {
            string protocol = route.Protocol.ToLowerInvariant();
            text.Append(CultureInfo.InvariantCulture, $"    {family} daddr {route.Address} {protocol} dport {route.Port} ");
            text.Append(CultureInfo.InvariantCulture, $"dnat {family} addr . port to numgen random mod {route.Endpoints.Count} map {{ ");
            text.AppendJoin(", ", route.Endpoints.Select(MapEntry));
            text.Append(" }\n");
        }

        text.Append("  }\n");
        text.Append("  chain prerouting { type nat hook prerouting priority -100; jump services; }\n");
        text.Append("  chain output { type nat hook output priority -100; jump services; }\n");

        // What no endpoint took is refused at once, as kube-proxy does, and does not wander off by the default route.
        IPNetwork range = family == "ip" ? LabAddresses.ServiceRange4 : LabAddresses.ServiceRange6;
        string refuse = $"{family} daddr {range} meta l4proto tcp reject with tcp reset; {family} daddr {range} reject;";
        text.Append(CultureInfo.InvariantCulture, $"  chain forward {{ type filter hook forward priority 0; {refuse} }}\n");
        text.Append(CultureInfo.InvariantCulture, $"  chain local {{ type filter hook output priority 0; {refuse} }}\n");
        text.Append("}\n");
    }

    private static string MapEntry(IPEndPoint endpoint, int index)
    {
        return string.Create(CultureInfo.InvariantCulture, $"{index} : {endpoint.Address} . {endpoint.Port}");
    }
}
