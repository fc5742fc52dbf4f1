using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Rules;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

/// <summary>
/// Goal: routing is read as the kernel has it, and repaired by the least change. Method: a namespace changed by <c>ip</c>, as an operator
/// would.
/// </summary>
public sealed class PolicyRoutingTests
{
    [LabFact]
    public async Task What_is_written_is_what_ip_shows_and_is_removed_without_a_trace()
    {
        using ScratchNamespace network = await NetworkAsync();
        string before = await InventoryAsync(network);
        PolicyRouting.Apply(network.Network);
        Assert.Empty(PolicyRouting.Compare(network.Network));
        foreach (string family in (string[])["-4", "-6"])
        {
            Assert.Contains(
                "32764:\tfrom all fwmark 0x111/0xfff lookup 100", await network.ExecuteAsync($"ip {family} rule"), StringComparison.Ordinal);
            Assert.StartsWith(
                "local default dev lo", await network.ExecuteAsync($"ip {family} route show table 100"), StringComparison.Ordinal);
        }

        string once = await InventoryAsync(network);
        PolicyRouting.Apply(network.Network);
        Assert.Equal(once, await InventoryAsync(network));
        PolicyRouting.Remove(network.Network);
        Assert.Equal(before, await InventoryAsync(network));
        PolicyRouting.Remove(network.Network);
    }

    [LabTheory]
    [InlineData("ip rule del pref 32764", "IPv4 routing: rule is missing: 32764: fwmark 0x111/0xfff lookup 100")]
    [InlineData("ip -6 route flush table 100", "IPv6 routing: route is missing: local default dev lo table 100")]
    [InlineData("ip rule add fwmark 0x111/0xfff lookup 100 pref 7", "IPv4 routing: rule 7 is not expected")]
    [InlineData("ip -6 rule add from fd00::/8 fwmark 0x111/0xfff lookup 100 pref 32764", "IPv6 routing: rule 32764 is not expected")]
    [InlineData("ip rule add iif lo fwmark 0x111/0xfff lookup 100 pref 32764", "IPv4 routing: rule 32764 is not expected")]
    [InlineData("ip rule add not fwmark 0x111/0xfff lookup 100 pref 9", "IPv4 routing: rule 9 is not expected")]
    public async Task What_differs_is_named_and_repaired(string change, string difference)
    {
        using ScratchNamespace network = await NetworkAsync();
        PolicyRouting.Apply(network.Network);
        string right = await InventoryAsync(network);
        await network.ExecuteAsync(change);
        Assert.StartsWith(difference, Assert.Single(PolicyRouting.Compare(network.Network)), StringComparison.Ordinal);

        PolicyRouting.Apply(network.Network);
        Assert.Empty(PolicyRouting.Compare(network.Network));
        Assert.Equal(right, await InventoryAsync(network));
    }

    [LabTheory]
    [InlineData("ip rule add fwmark 0x111/0xfff lookup 99 pref 7")]
    [InlineData("ip rule add fwmark 0x112/0xfff lookup 100 pref 7")]
    [InlineData("ip route add 10.77.0.0/16 dev lo table 99")]
    public async Task What_is_somebody_else_s_is_left_alone(string change)
    {
        using ScratchNamespace network = await NetworkAsync();
        PolicyRouting.Apply(network.Network);
        await network.ExecuteAsync(change);
        Assert.Empty(PolicyRouting.Compare(network.Network));
        string with = await InventoryAsync(network);
        PolicyRouting.Apply(network.Network);
        Assert.Equal(with, await InventoryAsync(network));
    }

    [LabFact]
    public async Task A_route_of_somebody_else_in_our_table_is_named_and_left_alone()
    {
        using ScratchNamespace network = await NetworkAsync();
        PolicyRouting.Apply(network.Network);
        await network.ExecuteAsync("ip route add 10.77.0.0/16 dev lo table 100");
        string with = await InventoryAsync(network);
        Assert.Contains("10.77.0.0/16 dev #1", Assert.Single(PolicyRouting.Compare(network.Network)), StringComparison.Ordinal);
        PolicyRouting.Apply(network.Network);
        Assert.Equal(with, await InventoryAsync(network));
    }

    [LabFact]
    public async Task What_the_kernel_refuses_is_said_by_its_name()
    {
        using ScratchNamespace network = await NetworkAsync();
        using RouteNetlink netlink = RouteNetlink.Open(network.Network);
        netlink.AddRule(AddressFamily.InterNetwork, 7, 1, 1, 100);
        PosixException twice = Assert.Throws<PosixException>(() => netlink.AddRule(AddressFamily.InterNetwork, 7, 1, 1, 100));
        Assert.Equal(Errno.EEXIST, twice.Error);
        RoutingRule rule = netlink.ReadRules(AddressFamily.InterNetwork).Single(rule => rule.Preference == 7);
        netlink.DeleteRule(rule);
        Assert.Equal(Errno.ENOENT, Assert.Throws<PosixException>(() => netlink.DeleteRule(rule)).Error);
    }

    /// <summary>With an interface of both families, without which nothing is routed over IPv6.</summary>
    private static async Task<ScratchNamespace> NetworkAsync()
    {
        ScratchNamespace network = await ScratchNamespace.CreateAsync();
        await network.ExecuteAsync("ip link add probe type veth peer name other");
        await network.ExecuteAsync("ip link set probe up");
        return network;
    }

    private static async Task<string> InventoryAsync(ScratchNamespace network)
    {
        List<string> lines = [];
        foreach (string query in (string[])["ip rule", "ip -6 rule"])
        {
            lines.Add(await network.ExecuteAsync(query));
        }

        foreach (string query in (string[])["ip route show table all", "ip -6 route show table all"])
        {
            lines.AddRange((await network.ExecuteAsync(query)).Split('\n').Where(line => line.Contains("table 100", StringComparison.Ordinal)
                || line.Contains("table 99", StringComparison.Ordinal)));
        }

        return string.Join('\n', lines);
    }
}
