using System.Collections.Immutable;
using System.Net;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

/// <summary>What is read back from a namespace, repaired there and removed.</summary>
public abstract partial class CaptureLabTests
{
    [LabFact]
    public async Task Removal_leaves_nothing_behind()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        string before = await InventoryAsync(pair);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        Assert.NotEqual(before, await InventoryAsync(pair));

        await rules.RemoveAsync(pair.Pod.Network, Cancellation);
        Assert.Equal(before, await InventoryAsync(pair));

        // Again, where there is nothing to remove.
        await rules.RemoveAsync(pair.Pod.Network, Cancellation);
        Assert.Equal(before, await InventoryAsync(pair));
    }

    [LabFact]
    public async Task Applying_twice_changes_nothing_and_leaves_the_rules_of_others()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        await pair.Pod.ExecuteAsync($"{Tool()} -t mangle -A PREROUTING -p udp --dport 7 -j DROP");
        await pair.Pod.ExecuteAsync($"{Tool()} -A OUTPUT -p udp --dport 7 -j DROP");
        string[] before = await RulesOfOthersAsync(pair);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        Assert.Empty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
        Assert.Equal(before, await RulesOfOthersAsync(pair));
        string once = await InventoryAsync(pair);

        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        Assert.Equal(once, await InventoryAsync(pair));

        await rules.RemoveAsync(pair.Pod.Network, Cancellation);
        Assert.Equal(before, await RulesOfOthersAsync(pair));
        Assert.DoesNotContain("mesh", await InventoryAsync(pair), StringComparison.OrdinalIgnoreCase);
    }

    [LabFact]
    public async Task Every_single_rule_is_missed_when_it_is_gone_and_comes_back()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        CapturePlan plan = Plan with { ExcludedOutboundPorts = [25], ExcludedInboundNetworks = [IPNetwork.Parse("10.88.0.0/16")] };
        await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);
        string[] deletions = await DeletionsAsync(pair);
        Assert.InRange(deletions.Length, 15, 100);

        foreach (string deletion in deletions)
        {
            await pair.Pod.ExecuteAsync(deletion);
            IReadOnlyList<string> differences = await rules.CompareAsync(pair.Pod.Network, plan, Cancellation);
            Assert.True(differences.Count > 0, $"Not noticed: {deletion}");
            await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);
            Assert.Empty(await rules.CompareAsync(pair.Pod.Network, plan, Cancellation));
        }
    }

    [LabFact]
    public async Task Rules_that_were_added_or_changed_are_noticed_and_taken_away()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        string[] additions = backend == CaptureBackend.Nft
            ?
            [
                $"nft insert rule inet mesh_node {(IsTproxy ? "connect" : "nat_output")} tcp dport 80 accept",
                "nft add table inet mesh_node_v0",
                "nft add chain inet mesh_node extra",
            ]
            :
            [
                $"{Tool()} -t {(IsTproxy ? "mangle -I MESH_CONNECT" : "nat -I MESH_REDIRECT_OUT")} -p tcp --dport 80 -j ACCEPT",
                $"{Tool()} -t mangle -N MESH_OLD",
                $"{Tool()} -t mangle -I OUTPUT -p tcp -j MESH_OUTPUT",
                $"{Tool()} -t nat -N MESH_OLD",
            ];
        foreach (string addition in (string[])
            [.. additions, "ip rule add fwmark 0x111/0xfff lookup 100 pref 32764", "ip rule add fwmark 0x111/0xfff lookup 100 pref 7",
                "ip -6 rule add from fd00::/8 fwmark 0x111/0xfff lookup 100 pref 32764"])
        {
            // The kernel refuses to add exactly the same rule twice; that is as good.
            try
            {
                await pair.Pod.ExecuteAsync(addition);
            }
            catch (InvalidOperationException refused) when (refused.Message.Contains("File exists", StringComparison.Ordinal))
            {
                continue;
            }

            IReadOnlyList<string> differences = await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation);
            Assert.True(differences.Count > 0, $"Not noticed: {addition}");
            if (addition.Contains("mesh_node_v0", StringComparison.Ordinal))
            {
                await pair.Pod.ExecuteAsync("nft delete table inet mesh_node_v0");
                continue;
            }

            await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
            Assert.Empty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
        }
    }

    [LabFact]
    public async Task Settings_routes_and_a_foreign_route_are_part_of_what_is_compared()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        foreach (string change in (string[])
        [
            "sysctl -q -w net.netfilter.nf_conntrack_tcp_timeout_close_wait=60",
            "sysctl -q -w net.ipv6.conf.lo.disable_ipv6=1",
            "ip rule del pref 32764",
            "ip -6 route flush table 100",
        ])
        {
            await pair.Pod.ExecuteAsync(change);
            Assert.NotEmpty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
            await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
            Assert.Empty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
        }

        await pair.Pod.ExecuteAsync("ip route add 10.77.0.0/16 via 10.9.0.1 table 100");
        CaptureException conflict =
            await Assert.ThrowsAsync<CaptureException>(() => rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation));
        Assert.Contains("10.77.0.0/16", conflict.Message, StringComparison.Ordinal);
    }

    /// <summary>One command per rule that is there, each deleting that rule alone.</summary>
    private async Task<string[]> DeletionsAsync(PodPair pair)
    {
        if (backend == CaptureBackend.Nft)
        {
            List<string> commands = [];
            string chain = "";
            foreach (string line in await LinesAsync(pair, "nft -a list table inet mesh_node"))
            {
                if (line.StartsWith("chain ", StringComparison.Ordinal))
                {
                    chain = line.Split(' ')[1];
                }
                else if (line.Contains(" # handle ", StringComparison.Ordinal) && !line.StartsWith("table ", StringComparison.Ordinal))
                {
                    commands.Add($"nft delete rule inet mesh_node {chain} handle {line[(line.LastIndexOf(' ') + 1)..]}");
                }
            }

            return [.. commands];
        }

        List<string> deletions = [];
        foreach (bool isV6 in (bool[])[false, true])
        {
            IptablesDump dump = IptablesDump.Parse(await pair.Pod.ExecuteAsync(Tool(isV6) + "-save"));
            foreach ((string table, ImmutableDictionary<string, ImmutableArray<string>> chains) in dump.Tables)
            {
                foreach ((string chain, ImmutableArray<string> specifications) in chains)
                {
                    deletions.AddRange(specifications.Select((_, index) => $"{Tool(isV6)} -t {table} -D {chain} {index + 1}"));
                }
            }
        }

        return [.. deletions];
    }

    /// <summary>Everything of rules and routes in the pod, as the tools show it.</summary>
    private static async Task<string> InventoryAsync(PodPair pair)
    {
        List<string> lines = [];
        foreach (string query in (string[])["nft list ruleset", "ip rule", "ip -6 rule"])
        {
            lines.Add(await pair.Pod.ExecuteAsync(query));
        }

        foreach (string query in (string[])["ip route show table all", "ip -6 route show table all"])
        {
            // The kernel adds to the other tables by itself, some seconds after an interface is up.
            lines.AddRange((await LinesAsync(pair, query)).Where(line => line.Contains("table 100", StringComparison.Ordinal)));
        }

        foreach (string tool in (string[])["iptables-legacy-save", "ip6tables-legacy-save"])
        {
            // Tables of x_tables cannot be unmade; empty ones do nothing. Times and counters stand in the other lines.
            lines.AddRange((await LinesAsync(pair, tool)).Where(
                line => line.StartsWith('-') || line.StartsWith(":MESH", StringComparison.Ordinal)));
        }

        return string.Join('\n', lines);
    }

    private async Task<string[]> RulesOfOthersAsync(PodPair pair) =>
    [
        .. (await LinesAsync(pair, Tool() + "-save")).Where(
            line => line.StartsWith("-A", StringComparison.Ordinal) && !line.Contains("MESH", StringComparison.Ordinal)),
    ];

    private static async Task<string[]> LinesAsync(PodPair pair, string command) =>
        (await pair.Pod.ExecuteAsync(command)).Split('\n', StringSplitOptions.TrimEntries);
}
