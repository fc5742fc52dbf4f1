using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

/// <summary>
/// Goal: packets go where the rules say, with the kernel as judge. Method: a pod and a host in namespaces, the rules as the agent applies
/// them, ordinary sockets as applications and a stand-in where the proxy listens. Every test covers both families.
/// </summary>
public abstract class CaptureLabTests(CaptureMode mode, CaptureBackend backend)
{
    private const int AppPort = 8080;
    private const int ServicePort = 9090;

    private static readonly string s_lockDirectory = Path.Combine(Path.GetTempPath(), $"mesh-capture-tests-{Environment.ProcessId}");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private CapturePlan Plan => new() { Mode = mode };

    [LabFact]
    public async Task Connections_arrive_at_the_proxy_with_their_destination_and_reach_the_application_in_the_clients_name()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPEndPoint toApp = new(PodPair.PodAddress(family), AppPort);
            using Socket inbound = await LabSockets.ConnectAsync(pair.Host.Network, toApp);
            Assert.Equal($"app sees {PodPair.HostAddress(family)}", await LabSockets.ReadLineAsync(inbound));
            Assert.Equal("ping", await LabSockets.AskAsync(inbound, "ping"));
            Assert.Contains($"in {PodPair.HostAddress(family)} {toApp}", proxy.Captured);

            IPEndPoint toService = new(PodPair.ServiceAddress(family), ServicePort);
            using Socket outbound = await LabSockets.ConnectAsync(pair.Pod.Network, toService);
            Assert.Equal($"service sees {PodPair.PodAddress(family)}", await LabSockets.ReadLineAsync(outbound));
            Assert.Equal("ping", await LabSockets.AskAsync(outbound, "ping"));
            Assert.Contains($"out {PodPair.PodAddress(family)} {toService}", proxy.Captured);

            // Half-close passes in both directions.
            outbound.Shutdown(SocketShutdown.Send);
            Assert.Equal("<end>", await LabSockets.ReadLineAsync(outbound));
            inbound.Shutdown(SocketShutdown.Send);
            Assert.Equal("<end>", await LabSockets.ReadLineAsync(inbound));
        }
    }

    [LabFact]
    public async Task Large_transfers_pass_unharmed_in_both_directions()
    {
        const int Bytes = 32 << 20;
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            await EchoAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort), Bytes);
            await EchoAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort), Bytes);
        }

        Assert.Equal(4, proxy.Captured.Count);
    }

    [LabFact]
    public async Task The_pods_own_addresses_loopback_hbone_and_the_proxys_own_connections_are_not_captured()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer hbone = LineServer.Anywhere(pair.Pod.Network, "hbone", 15008);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPAddress loopback = family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;
            IPAddress pod = PodPair.PodAddress(family);
            Assert.Equal($"app sees {pod}", await GreetingAsync(pair.Pod.Network, new IPEndPoint(pod, AppPort)));
            Assert.Equal($"app sees {loopback}", await GreetingAsync(pair.Pod.Network, new IPEndPoint(loopback, AppPort)));
            Assert.Equal($"hbone sees {PodPair.HostAddress(family)}", await GreetingAsync(pair.Host.Network, new IPEndPoint(pod, 15008)));
            Assert.Equal(
                $"service sees {pod}",
                await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort), marked: true));

            // The proxy to the application, where client and application have one address: a pod that calls its own service.
            Assert.Equal($"app sees {pod}", await GreetingAsync(pair.Pod.Network, new IPEndPoint(pod, AppPort), marked: true));
        }

        Assert.Empty(proxy.Captured);
    }

    [LabFact]
    public async Task An_application_bound_to_its_own_address_is_captured_all_the_same()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = new(pair.Pod.Network, "app", PodPair.Families.Select(family => new IPEndPoint(PodPair.PodAddress(family), AppPort)));
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort));
        }

        Assert.Equal(2, proxy.Captured.Count);
    }

    [LabFact]
    public async Task Handshakes_by_syn_cookie_end_at_the_proxy_and_not_at_the_application()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer anywhere = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer bound = new(pair.Pod.Network, "app", PodPair.Families.Select(family => new IPEndPoint(PodPair.PodAddress(family), AppPort + 1)));
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        // 2 is "always": no listener remembers a handshake, so its last packet is all there is to go by.
        await pair.Pod.ExecuteAsync("sysctl -q -w net.ipv4.tcp_syncookies=2");
        foreach (AddressFamily family in PodPair.Families)
        {
            foreach (int port in (int[])[AppPort, AppPort + 1])
            {
                IPEndPoint app = new(PodPair.PodAddress(family), port);
                Assert.Equal($"app sees {PodPair.HostAddress(family)}", await GreetingAsync(pair.Host.Network, app));
                Assert.Contains($"in {PodPair.HostAddress(family)} {app}", proxy.Captured);
            }
        }
    }

    [LabFact]
    public async Task Settings_that_other_programs_make_in_a_pod_do_not_change_capture()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        foreach (string setting in (string[])
        [
            "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.lo.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=1",
            "net.ipv4.conf.all.src_valid_mark=1", "net.ipv4.tcp_fwmark_accept=1", "net.ipv4.fwmark_reflect=1", "net.ipv6.fwmark_reflect=1",
        ])
        {
            await pair.Pod.ExecuteAsync($"sysctl -q -w {setting}");
        }

        foreach (AddressFamily family in PodPair.Families)
        {
            Assert.Equal(
                $"app sees {PodPair.HostAddress(family)}",
                await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)));
            Assert.Equal(
                $"service sees {PodPair.PodAddress(family)}",
                await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)));
        }

        Assert.Equal(4, proxy.Captured.Count);
    }

    [LabFact]
    public async Task Connections_open_before_enrolment_survive_it_and_the_way_out()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        List<Socket> open = [];
        foreach (AddressFamily family in PodPair.Families)
        {
            open.Add(await LabSockets.ConnectAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)));
            open.Add(await LabSockets.ConnectAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)));
        }

        foreach (Socket connection in open)
        {
            Assert.Contains(" sees ", await LabSockets.ReadLineAsync(connection), StringComparison.Ordinal);
        }

        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        await AssertAliveAsync(open, "captured");
        await rules.ApplyAsync(pair.Pod.Network, Plan with { Stage = CaptureStage.Draining }, Cancellation);
        await AssertAliveAsync(open, "draining");
        await rules.RemoveAsync(pair.Pod.Network, Cancellation);
        await AssertAliveAsync(open, "removed");

        Assert.Empty(proxy.Captured);
        open.ForEach(connection => connection.Dispose());
    }

    [LabFact]
    public async Task Captured_connections_go_on_while_a_pod_drains_and_new_ones_are_left_alone()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        List<Socket> captured = [];
        foreach (AddressFamily family in PodPair.Families)
        {
            captured.Add(await LabSockets.ConnectAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)));
            captured.Add(await LabSockets.ConnectAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)));
        }

        foreach (Socket connection in captured)
        {
            await LabSockets.ReadLineAsync(connection);
        }

        Assert.Equal(4, proxy.Captured.Count);
        await rules.ApplyAsync(pair.Pod.Network, Plan with { Stage = CaptureStage.Draining }, Cancellation);
        await AssertAliveAsync(captured, "draining");
        foreach (AddressFamily family in PodPair.Families)
        {
            await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort));
        }

        Assert.Equal(4, proxy.Captured.Count);
        captured.ForEach(connection => connection.Dispose());
    }

    [LabFact]
    public async Task Where_nobody_listens_connections_are_reset_and_reach_nothing()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        CapturePlan plan = rules.RefusesByItself(mode) ? Plan : Plan with { Stage = CaptureStage.Refusing };
        await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);
        await AssertRefusedAsync(pair);
        Assert.Equal(0, app.Connections + service.Connections);

        using (StandInProxy proxy = new(pair.Pod.Network, mode))
        {
            await rules.SwitchStageAsync(pair.Pod.Network, Plan, Cancellation);
            Assert.Empty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
            await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(AddressFamily.InterNetwork), AppPort));
            Assert.Single(proxy.Captured);
        }

        await rules.SwitchStageAsync(pair.Pod.Network, plan, Cancellation);
        await AssertRefusedAsync(pair);
    }

    [LabFact]
    public async Task Open_captured_connections_are_reset_when_the_proxy_is_gone()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        List<Socket> open = [];
        using (StandInProxy proxy = new(pair.Pod.Network, mode))
        {
            foreach (AddressFamily family in PodPair.Families)
            {
                open.Add(await LabSockets.ConnectAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)));
                open.Add(await LabSockets.ConnectAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)));
            }

            foreach (Socket connection in open)
            {
                await LabSockets.ReadLineAsync(connection);
            }
        }

        Stopwatch elapsed = Stopwatch.StartNew();
        foreach (Socket connection in open)
        {
            SocketException reset = await Assert.ThrowsAsync<SocketException>(() => LabSockets.AskAsync(connection, "anybody?"));
            Assert.Contains(reset.SocketErrorCode, (SocketError[])[SocketError.ConnectionReset, SocketError.Shutdown]);
            connection.Dispose();
        }

        Assert.True(elapsed.Elapsed < TimeSpan.FromSeconds(1), $"The resets took {elapsed.Elapsed}.");
    }

    [LabFact]
    public async Task Excluded_ports_and_networks_are_left_alone_and_others_are_not()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer excludedApp = LineServer.Anywhere(pair.Pod.Network, "app", AppPort + 1);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using LineServer excludedService = LineServer.Anywhere(pair.Host.Network, "service", ServicePort + 1);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await pair.Host.ExecuteAsync("ip addr add 10.88.0.7/32 dev lo");
        await pair.Host.ExecuteAsync("ip addr add fd88::7/128 dev lo nodad");
        CapturePlan plan = Plan with
        {
            ExcludedInboundPorts = [AppPort + 1],
            ExcludedOutboundPorts = [ServicePort + 1],
            ExcludedInboundNetworks = [IPNetwork.Parse("10.88.0.0/16"), IPNetwork.Parse("fd88::/16")],
            ExcludedOutboundNetworks = [IPNetwork.Parse("10.88.0.7/32"), IPNetwork.Parse("fd88::7/128")],
        };
        await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPAddress excluded = IPAddress.Parse(family == AddressFamily.InterNetwork ? "10.88.0.7" : "fd88::7");
            IPAddress pod = PodPair.PodAddress(family);
            await GreetingAsync(pair.Host.Network, new IPEndPoint(pod, AppPort + 1));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort + 1));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(excluded, ServicePort));
            await GreetingAsync(pair.Host.Network, new IPEndPoint(pod, AppPort), from: excluded);
            Assert.Empty(proxy.Captured);

            await GreetingAsync(pair.Host.Network, new IPEndPoint(pod, AppPort));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort));
            Assert.Equal(2, proxy.Captured.Count);
            proxy.Captured.Clear();
        }
    }

    [LabFact]
    public async Task A_change_of_exclusions_splits_no_connection()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        CapturePlan excluding = Plan with { ExcludedInboundPorts = [AppPort], ExcludedOutboundPorts = [ServicePort] };
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        List<Socket> open = [];
        foreach (CapturePlan plan in (CapturePlan[])[Plan, excluding, Plan])
        {
            await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);
            foreach (AddressFamily family in PodPair.Families)
            {
                open.Add(await LabSockets.ConnectAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)));
                await LabSockets.ReadLineAsync(open[^1]);
                open.Add(await LabSockets.ConnectAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)));
                await LabSockets.ReadLineAsync(open[^1]);
            }

            await AssertAliveAsync(open, plan.ExcludedInboundPorts.IsEmpty ? "captured" : "excluded");
        }

        Assert.Equal(8, proxy.Captured.Count);
        open.ForEach(connection => connection.Dispose());
    }

    [LabFact]
    public async Task A_pod_that_bypasses_inbound_capture_is_captured_outbound_only()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan with { BypassInbound = true }, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort));
        }

        Assert.Equal(2, proxy.Captured.Count);
        Assert.All(proxy.Captured, connection => Assert.StartsWith("out ", connection, StringComparison.Ordinal));
    }

    [LabFact]
    public async Task Udp_is_left_alone()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPAddress any = family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
            using Socket server = pair.Host.Network.Run(family, static f => new Socket(f, SocketType.Dgram, ProtocolType.Udp));
            using Socket client = pair.Pod.Network.Run(family, static f => new Socket(f, SocketType.Dgram, ProtocolType.Udp));
            server.Bind(new IPEndPoint(any, 53));
            await client.SendToAsync("q"u8.ToArray(), new IPEndPoint(PodPair.HostAddress(family), 53));
            byte[] buffer = new byte[16];
            using CancellationTokenSource limit = new(LabSockets.Patience);
            SocketReceiveFromResult query = await server.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(any, 0), limit.Token);
            Assert.Equal(PodPair.PodAddress(family), ((IPEndPoint)query.RemoteEndPoint).Address);
            await server.SendToAsync("a"u8.ToArray(), query.RemoteEndPoint);
            Assert.Equal(1, (await client.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(any, 0), limit.Token)).ReceivedBytes);
        }
    }

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
                $"nft insert rule inet mesh_node {(mode == CaptureMode.Tproxy ? "connect" : "redirect_out")} tcp dport 80 accept",
                "nft add table inet mesh_node_v0",
                "nft add chain inet mesh_node extra",
            ]
            :
            [
                $"{Tool()} -t {(mode == CaptureMode.Tproxy ? "mangle -I MESH_CONNECT" : "nat -I MESH_REDIRECT_OUT")} -p tcp --dport 80 -j ACCEPT",
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
        CaptureException conflict = await Assert.ThrowsAsync<CaptureException>(() => rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation));
        Assert.Contains("10.77.0.0/16", conflict.Message, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task A_namespace_without_ipv6_is_captured_for_ipv4()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = new(pair.Pod.Network, "app", new IPEndPoint(IPAddress.Any, AppPort));
        await pair.Pod.ExecuteAsync("sysctl -q -w net.ipv6.conf.all.disable_ipv6=1");
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        using Socket proxy = LabSockets.Listen(pair.Pod.Network, new IPEndPoint(IPAddress.Any, 15006), asProxy: true);

        using Socket client = await LabSockets.ConnectAsync(
            pair.Host.Network, new IPEndPoint(PodPair.PodAddress(AddressFamily.InterNetwork), AppPort));
        using CancellationTokenSource limit = new(LabSockets.Patience);
        using Socket captured = await proxy.AcceptAsync(limit.Token);
        Assert.Equal(0, app.Connections);

        // When it gets IPv6 later, that is noticed.
        await pair.Pod.ExecuteAsync("sysctl -q -w net.ipv6.conf.all.disable_ipv6=0");
        Assert.NotEmpty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        Assert.Empty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
    }

    private static async Task AssertAliveAsync(List<Socket> connections, string stage)
    {
        foreach (Socket connection in connections)
        {
            Assert.Equal(stage, await LabSockets.AskAsync(connection, stage));
        }
    }

    private static async Task AssertRefusedAsync(PodPair pair)
    {
        foreach (AddressFamily family in PodPair.Families)
        {
            foreach ((NetNamespace from, IPEndPoint to) in ((NetNamespace, IPEndPoint)[])
            [
                (pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)),
                (pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)),
            ])
            {
                Stopwatch elapsed = Stopwatch.StartNew();
                SocketException refused = await Assert.ThrowsAsync<SocketException>(() => LabSockets.ConnectAsync(from, to));
                Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
                Assert.True(elapsed.Elapsed < TimeSpan.FromSeconds(1), $"The reset took {elapsed.Elapsed}.");
            }
        }
    }

    private static async Task<string> GreetingAsync(NetNamespace network, IPEndPoint to, bool marked = false, IPAddress? from = null)
    {
        using Socket connection = await LabSockets.ConnectAsync(network, to, marked, from);
        string greeting = await LabSockets.ReadLineAsync(connection);
        Assert.Contains(" sees ", greeting, StringComparison.Ordinal);
        return greeting;
    }

    private static async Task EchoAsync(NetNamespace network, IPEndPoint to, int bytes)
    {
        using Socket connection = await LabSockets.ConnectAsync(network, to);
        await LabSockets.ReadLineAsync(connection);
        byte[] sent = new byte[bytes];
        new Random(bytes).NextBytes(sent);
        byte[] received = new byte[bytes];
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        Task sending = SendAllAsync(connection, sent, limit.Token);
        for (int count = 0; count < bytes;)
        {
            int part = await connection.ReceiveAsync(received.AsMemory(count), SocketFlags.None, limit.Token);
            Assert.NotEqual(0, part);
            count += part;
        }

        await sending;
        Assert.True(sent.AsSpan().SequenceEqual(received));
    }

    private static async Task SendAllAsync(Socket connection, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await connection.SendAsync(bytes, SocketFlags.None, cancellation)..];
        }
    }

    private string Tool(bool isV6 = false) =>
        $"{(isV6 ? "ip6tables" : "iptables")}-{(backend == CaptureBackend.IptablesLegacy ? "legacy" : "nft")}";

    /// <summary>One command per rule that is there, each deleting that rule alone.</summary>
    private async Task<string[]> DeletionsAsync(PodPair pair)
    {
        if (backend == CaptureBackend.Nft)
        {
            List<string> commands = [];
            string chain = "";
            foreach (string line in (await pair.Pod.ExecuteAsync("nft -a list table inet mesh_node")).Split('\n', StringSplitOptions.TrimEntries))
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
            lines.AddRange((await pair.Pod.ExecuteAsync(query)).Split('\n').Where(line => line.Contains("table 100", StringComparison.Ordinal)));
        }

        foreach (string tool in (string[])["iptables-legacy-save", "ip6tables-legacy-save"])
        {
            // Tables of x_tables cannot be unmade; empty ones do nothing. Times and counters stand in the other lines.
            lines.AddRange((await pair.Pod.ExecuteAsync(tool)).Split('\n').Where(line => line.StartsWith('-') || line.StartsWith(":MESH", StringComparison.Ordinal)));
        }

        return string.Join('\n', lines);
    }

    private async Task<string[]> RulesOfOthersAsync(PodPair pair) =>
        [.. (await pair.Pod.ExecuteAsync(Tool() + "-save")).Split('\n').Where(line => line.StartsWith("-A", StringComparison.Ordinal) && !line.Contains("MESH", StringComparison.Ordinal))];

    private async Task<NamespaceRules> DetectAsync()
    {
        try
        {
            return await NamespaceRules.DetectAsync(backend, mode, s_lockDirectory, TimeProvider.System, Cancellation);
        }
        catch (CaptureException unusable) when (backend == CaptureBackend.IptablesLegacy)
        {
            // Kernels are built without x_tables by now.
            Assert.Skip(unusable.Message);
            throw;
        }
    }
}
