using System.Text;
using Mesh.Api.Traffic;

namespace Mesh.Control.Tests.Dialects;

/// <summary>A service's traffic as text: a line for each route and each policy, in the words of its messages.</summary>
internal static class TrafficText
{
    public static void Append(StringBuilder text, string name, ServiceTraffic traffic)
    {
        Line(text, 0, $"traffic {name}");
        foreach (TrafficScope scope in traffic.Scopes)
        {
            Line(text, 1, scope.ClientNamespace.Length == 0 ? "everyone" : $"clients of {scope.ClientNamespace}");
            foreach (PortRoutes port in scope.Ports)
            {
                Line(text, 2, $"port {port.Port}");
                foreach (Route route in port.Routes)
                {
                    Line(text, 3, Words(route.ToString()));
                }
            }

            foreach (PortConnections port in scope.Connections)
            {
                Line(text, 2, $"connections to port {port.Port}");
                foreach (ConnectionRoute route in port.Routes)
                {
                    Line(text, 3, Words(route.ToString()));
                }
            }

            AppendPolicies(text, 2, "policy", scope.Policies);
            foreach (Subset subset in scope.Subsets)
            {
                Line(text, 2, $"subset {subset.Name} is {subset.Key}");
                AppendPolicies(text, 3, "policy", subset.Policies);
            }
        }
    }

    private static void AppendPolicies(StringBuilder text, int depth, string what, PortPolicies? policies)
    {
        if (policies is not null)
        {
            Line(text, depth, $"{what} {Words(policies.Others.ToString())}");
            foreach (PortPolicy port in policies.ByPort)
            {
                Line(text, depth, $"{what} of port {port.Port} {Words(port.Policy.ToString())}");
            }
        }
    }

    /// <summary>JSON without its quotes.</summary>
    private static string Words(string json) => json.Replace("\"", "", StringComparison.Ordinal);

    private static void Line(StringBuilder text, int depth, string line) => text.Append(' ', depth * 2).Append(line).Append('\n');
}
