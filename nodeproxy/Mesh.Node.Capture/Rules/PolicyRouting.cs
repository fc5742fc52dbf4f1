using System.Net.Sockets;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>Puts the routing rule and the local route into a namespace, reads them back and removes them, by netlink.</summary>
internal static class PolicyRouting
{
    /// <summary>Each difference from what must be, for an operator.</summary>
    /// <exception cref="PosixException">The kernel refused.</exception>
    public static IReadOnlyList<string> Compare(NetNamespace network)
    {
        using RouteNetlink netlink = RouteNetlink.Open(network);
        return
        [
            .. NamespaceSettings.RoutedFamilies(network)
                .SelectMany(family => Read(netlink, family).Differences(NamespaceSettings.NameOf(family))),
        ];
    }

    /// <summary>Adds what is missing and removes what is there twice. Routes of others in our table stay, and stay a difference.</summary>
    /// <exception cref="PosixException">The kernel refused.</exception>
    public static void Apply(NetNamespace network)
    {
        using RouteNetlink netlink = RouteNetlink.Open(network);
        foreach (AddressFamily family in NamespaceSettings.RoutedFamilies(network))
        {
            PolicyRoutingState state = Read(netlink, family);
            foreach (RoutingRule surplus in state.Misplaced.Concat(state.Rules.Skip(1)))
            {
                netlink.DeleteRule(surplus);
            }

            if (!state.HasRoute)
            {
                netlink.AddLocalDefault(family, CaptureMarks.RoutingTable);
            }

            // After the route: what the rule leads to is there.
            if (state.Rules.Count == 0)
            {
                netlink.AddRule(
                    family, CaptureMarks.RulePreference, CaptureMarks.Return, CaptureMarks.Mask, CaptureMarks.RoutingTable);
            }
        }
    }

    /// <summary>Removes what is ours.</summary>
    /// <exception cref="PosixException">The kernel refused.</exception>
    public static void Remove(NetNamespace network)
    {
        using RouteNetlink netlink = RouteNetlink.Open(network);
        foreach (AddressFamily family in NamespaceSettings.FamiliesOfThisKernel())
        {
            PolicyRoutingState state = Read(netlink, family);
            foreach (RoutingRule rule in state.Misplaced.Concat(state.Rules))
            {
                netlink.DeleteRule(rule);
            }

            if (state.HasRoute)
            {
                netlink.DeleteLocalDefault(family, CaptureMarks.RoutingTable);
            }
        }
    }

    private static PolicyRoutingState Read(RouteNetlink netlink, AddressFamily family) =>
        PolicyRoutingState.Of(netlink.ReadRules(family), netlink.ReadRoutes(family, CaptureMarks.RoutingTable));
}
