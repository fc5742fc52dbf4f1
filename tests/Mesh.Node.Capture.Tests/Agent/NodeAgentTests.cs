using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Agent;

/// <summary>
/// Goal: pods are captured from the moment they are named until they leave, whatever is killed or changed meanwhile. Method: the agent
/// with its real rules and its real socket, a proxy in miniature, pods in namespaces.
/// </summary>
public sealed class NodeAgentTests
{
    private static readonly IPEndPoint s_app = new(PodPair.PodAddress(AddressFamily.InterNetwork), 8080);
    private static readonly IPEndPoint s_service = new(PodPair.ServiceAddress(AddressFamily.InterNetworkV6), 9090);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [LabFact]
    public async Task A_pod_is_captured_while_a_file_names_it()
    {
        using PodPair pair = await PodPair.CreateAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", s_app.Port);
        await using AgentUnderTest agent = new(new CaptureOptions { DrainSeconds = 0 });
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        Assert.Equal("app sees 10.9.0.1", await GreetingAsync(pair.Host.Network, s_app));

        agent.WritePod("a", pair.Pod.Network, new Dictionary<string, string> { ["mesh-node.io/x"] = "y", ["example.com/z"] = "z" });
        await agent.UntilAsync("a", "captured");
        Assert.Equal("app sees 10.9.0.1", await GreetingAsync(pair.Host.Network, s_app));
        Assert.Single(proxy.ProxyOf("a").Captured);
        PodHandover told = proxy.PodOf("a");
        Assert.Equal(("a", "a", "shop", "cart"), (told.Uid, told.Name, told.Namespace, told.ServiceAccount));
        Assert.Equal(pair.Pod.Network.Id, told.Network.Id);
        Assert.Equal([IPAddress.Parse("10.9.0.2"), IPAddress.Parse("fd09::2")], told.Details.Addresses);
        Assert.Equal([IPAddress.Parse("10.9.0.1")], told.Details.NodeAddresses);
        Assert.Equal([new PodProbe(PodProbeKind.Http, 8080, "/healthz", "")], told.Details.Probes);
        Assert.Equal(new Dictionary<string, string> { ["mesh-node.io/x"] = "y" }, told.Details.Annotations);

        File.Delete(agent.FileOf("a"));
        await agent.UntilGoneAsync("a");
        Assert.False(proxy.Serves("a"));
        Assert.DoesNotContain("mesh", await pair.Pod.ExecuteAsync("nft list ruleset"), StringComparison.OrdinalIgnoreCase);
        Assert.Equal("app sees 10.9.0.1", await GreetingAsync(pair.Host.Network, s_app));
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task A_pod_that_leaves_may_finish_what_was_captured()
    {
        using PodPair pair = await PodPair.CreateAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", s_app.Port);
        await using AgentUnderTest agent = new(new CaptureOptions { DrainSeconds = 6 });
        agent.WritePod("a", pair.Pod.Network);
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");
        using Socket captured = await LabSockets.ConnectAsync(pair.Host.Network, s_app);
        await LabSockets.ReadLineAsync(captured);
        StandInProxy standIn = proxy.ProxyOf("a");

        Stopwatch elapsed = Stopwatch.StartNew();
        File.Delete(agent.FileOf("a"));
        await agent.UntilAsync("a", "leaving");
        Assert.Equal("still here", await LabSockets.AskAsync(captured, "still here"));
        await Wait.UntilAsync(
            async () =>
            {
                await GreetingAsync(pair.Host.Network, s_app);
                int before = standIn.Captured.Count;
                await GreetingAsync(pair.Host.Network, s_app);
                return standIn.Captured.Count == before;
            },
            "new connections are left alone");
        Assert.True(proxy.Serves("a"));
        Assert.Equal("yes", await LabSockets.AskAsync(captured, "yes"));

        await agent.UntilGoneAsync("a");
        Assert.False(proxy.Serves("a"));
        Assert.InRange(elapsed.Elapsed, TimeSpan.FromSeconds(5.9), TimeSpan.FromSeconds(40));
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task An_agent_that_is_restarted_disturbs_nothing()
    {
        using PodPair pair = await PodPair.CreateAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", s_app.Port);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", s_service.Port);
        await using AgentUnderTest agent = new(new CaptureOptions());
        agent.WritePod("a", pair.Pod.Network);
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");
        using Socket inbound = await LabSockets.ConnectAsync(pair.Host.Network, s_app);
        using Socket outbound = await LabSockets.ConnectAsync(pair.Pod.Network, s_service);
        await LabSockets.ReadLineAsync(inbound);
        await LabSockets.ReadLineAsync(outbound);
        string rules = await pair.Pod.ExecuteAsync("nft -a list ruleset");

        await agent.StopAsync();
        Assert.Equal("alone", await LabSockets.AskAsync(inbound, "alone"));
        Assert.Equal("alone", await LabSockets.AskAsync(outbound, "alone"));
        Assert.Equal("app sees 10.9.0.1", await GreetingAsync(pair.Host.Network, s_app));
        Assert.Equal(3, proxy.ProxyOf("a").Captured.Count);

        File.Delete(agent.Agent.StatusPath);
        agent.Start();
        await agent.UntilAsync("a", "captured");
        Assert.Equal("back", await LabSockets.AskAsync(inbound, "back"));
        Assert.Equal("back", await LabSockets.AskAsync(outbound, "back"));
        Assert.Equal(["add a", "add a"], proxy.Calls);
        Assert.Equal(rules, await pair.Pod.ExecuteAsync("nft -a list ruleset"));
        Assert.Equal(0, agent.StatusOf("a")!.Value.GetProperty("repairs").GetInt32());
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task What_somebody_changes_is_put_right_by_itself_and_on_demand()
    {
        using PodPair pair = await PodPair.CreateAsync();
        await using AgentUnderTest agent = new(new CaptureOptions { VerifyIntervalSeconds = 1 });
        agent.WritePod("a", pair.Pod.Network);
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");

        await pair.Pod.ExecuteAsync("nft flush chain inet mesh_node connect");
        await Wait.UntilAsync(() => agent.StatusOf("a")?.GetProperty("repairs").GetInt32() == 1, "the rules are repaired");
        Assert.Contains("nft chain connect", agent.StatusOf("a")!.Value.GetProperty("lastDrift")[0].GetString(), StringComparison.Ordinal);
        await proxy.KillAsync();
        await agent.StopAsync();

        await using AgentUnderTest patient = new(new CaptureOptions { VerifyIntervalSeconds = 3600 });
        patient.WritePod("a", pair.Pod.Network);
        patient.Start();
        await patient.UntilAsync("a", "waiting-for-proxy");
        await pair.Pod.ExecuteAsync("ip rule del pref 32764");
        patient.Agent.VerifyNow();
        await Wait.UntilAsync(() => patient.StatusOf("a")?.GetProperty("repairs").GetInt32() == 1, "the rule is back");
        Assert.Contains("32764", await pair.Pod.ExecuteAsync("ip rule"), StringComparison.Ordinal);
    }

    [LabFact]
    public Task Without_a_proxy_connections_are_refused_under_nft() => RefusedWithoutProxyAsync(CaptureBackend.Nft, CaptureMode.Tproxy);

    [LabFact]
    public Task Without_a_proxy_connections_are_refused_under_iptables() =>
        RefusedWithoutProxyAsync(CaptureBackend.IptablesNft, CaptureMode.Tproxy);

    [LabFact]
    public Task Without_a_proxy_connections_are_refused_when_redirected() =>
        RefusedWithoutProxyAsync(CaptureBackend.IptablesNft, CaptureMode.Redirect);

    [LabFact]
    public async Task One_pods_trouble_is_its_own_and_the_status_names_it()
    {
        using PodPair pair = await PodPair.CreateAsync();
        using NetNamespace own = NetNamespace.OpenCurrent();
        await using AgentUnderTest agent = new(new CaptureOptions());
        agent.WritePod("a", pair.Pod.Network);
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");
        agent.WritePod("host", own);
        agent.WritePod("twin", pair.Pod.Network);
        agent.WritePod("nowhere", pair.Pod.Network, path: "/run/netns/there-is-none");
        File.WriteAllText(agent.FileOf("broken"), "{\"uid\":\"broken\",\"nmae\":\"x\"}");

        await agent.UntilAsync("host", "wrong");
        await agent.UntilAsync("twin", "wrong");
        await agent.UntilAsync("nowhere", "wrong");
        Assert.Contains("host network", ProblemOf(agent, "host"), StringComparison.Ordinal);
        Assert.Contains("uid a too", ProblemOf(agent, "twin"), StringComparison.Ordinal);
        Assert.Contains("ENOENT", ProblemOf(agent, "nowhere"), StringComparison.Ordinal);
        Assert.Equal("captured", agent.StatusOf("a")!.Value.GetProperty("condition").GetString());

        // A file that goes wrong later: what it said before holds.
        File.WriteAllText(agent.FileOf("a"), "{");
        agent.WritePod("later", pair.Pod.Network, path: "/run/netns/none-either");
        await agent.UntilAsync("later", "wrong");
        Assert.True(proxy.Serves("a"));
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task Annotations_change_how_a_pod_is_captured_and_wrong_ones_capture_more_not_less()
    {
        using PodPair pair = await PodPair.CreateAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", s_app.Port);
        await using AgentUnderTest agent = new(new CaptureOptions());
        agent.WritePod("a", pair.Pod.Network, new Dictionary<string, string>
        {
            ["mesh-node.io/capture-mode"] = "redirect",
            ["mesh-node.io/exclude-inbound-ports"] = "8081,eighty",
        });
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");
        Assert.Equal(CaptureMode.Redirect, proxy.PodOf("a").Details.CaptureMode);
        Assert.Contains("'eighty' is not a port", ProblemOf(agent, "a"), StringComparison.Ordinal);
        await GreetingAsync(pair.Host.Network, s_app);
        Assert.Single(proxy.ProxyOf("a").Captured);

        agent.WritePod("a", pair.Pod.Network, new Dictionary<string, string>
        {
            ["mesh-node.io/capture-mode"] = "redirect",
            ["traffic.sidecar.istio.io/excludeInboundPorts"] = "8080",
        });
        await Wait.UntilAsync(() => agent.StatusOf("a")?.GetProperty("problems").GetArrayLength() == 0, "the annotations are right");
        await GreetingAsync(pair.Host.Network, s_app);
        Assert.Single(proxy.ProxyOf("a").Captured);
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task Exclusions_of_the_node_change_while_it_captures()
    {
        using PodPair pair = await PodPair.CreateAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", s_app.Port);
        await using AgentUnderTest agent = new(new CaptureOptions());
        agent.WritePod("a", pair.Pod.Network);
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");
        using Socket captured = await LabSockets.ConnectAsync(pair.Host.Network, s_app);
        await LabSockets.ReadLineAsync(captured);
        StandInProxy standIn = proxy.ProxyOf("a");
        Assert.Single(standIn.Captured);

        agent.Capture.ExcludedInboundPorts = [s_app.Port];
        agent.Agent.OnOptionsChanged();
        await Wait.UntilAsync(
            async () =>
            {
                int before = standIn.Captured.Count;
                await GreetingAsync(pair.Host.Network, s_app);
                return standIn.Captured.Count == before;
            },
            "the port is left alone");
        Assert.Equal("still", await LabSockets.AskAsync(captured, "still"));
        Assert.Equal(0, agent.StatusOf("a")!.Value.GetProperty("repairs").GetInt32());

        agent.Capture.ExcludedInboundPorts = [0];
        CaptureException wrong = Assert.Throws<CaptureException>(agent.Agent.OnOptionsChanged);
        Assert.Contains("capture.excludedInboundPorts", wrong.Message, StringComparison.Ordinal);
        agent.Agent.ReportProblem("the file is wrong");
        await agent.UntilProblemAsync("the file is wrong");
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task Namespaces_of_the_configuration_are_captured_without_a_file()
    {
        using PodPair pair = await PodPair.CreateAsync();
        await using AgentUnderTest agent = new(new CaptureOptions())
        {
            Namespaces = [new NamedNamespaceOptions { Path = pair.Pod.Network.DescriptorPath, Name = "vm", ServiceAccount = "legacy" }],
        };
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("default.vm", "captured");
        PodHandover told = proxy.PodOf("default.vm");
        Assert.Equal(("default", "vm", "legacy"), (told.Namespace, told.Name, told.ServiceAccount));
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task A_pod_made_anew_under_its_uid_is_captured_anew()
    {
        using PodPair first = await PodPair.CreateAsync();
        using PodPair second = await PodPair.CreateAsync();
        await using AgentUnderTest agent = new(new CaptureOptions());
        agent.WritePod("a", first.Pod.Network);
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");

        agent.WritePod("a", second.Pod.Network);
        await Wait.UntilAsync(() => proxy.Find("a")?.Network.Id == second.Pod.Network.Id, "the new one is served");
        Assert.Contains("mesh_node", await second.Pod.ExecuteAsync("nft list ruleset"), StringComparison.Ordinal);
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task There_is_one_agent_on_a_node()
    {
        await using AgentUnderTest agent = new(new CaptureOptions());
        agent.Start();
        await Wait.UntilAsync(() => File.Exists(agent.Handover.SocketPath), "the first agent runs");
        CaptureException refused = await Assert.ThrowsAsync<CaptureException>(() => agent.Create().RunAsync(Cancellation));
        Assert.Contains("another agent", refused.Message, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task Rules_of_another_back_end_give_way_without_a_gap_and_everything_can_be_removed_at_once()
    {
        using PodPair pair = await PodPair.CreateAsync();
        string locks = Directory.CreateTempSubdirectory("mesh-locks-").FullName;
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", s_app.Port);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        CaptureBackend[] backends = [CaptureBackend.IptablesNft, CaptureBackend.Nft, CaptureBackend.IptablesLegacy, CaptureBackend.Nft];
        Task<int> attempts = Task.FromResult(0);
        foreach (CaptureBackend backend in backends)
        {
            foreach (CaptureMode mode in (CaptureMode[])[CaptureMode.Tproxy, CaptureMode.Redirect])
            {
                NamespaceRules rules = await NamespaceRules.DetectAsync(backend, mode, locks, TimeProvider.System, Cancellation);

                // Nobody listens, so no connection may open: neither before, nor after, nor between.
                CaptureStage stage = rules.RefusesByItself(mode) ? CaptureStage.Capturing : CaptureStage.Refusing;
                CapturePlan plan = new() { Mode = mode, Stage = stage };
                await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);
                Assert.Empty(await rules.CompareAsync(pair.Pod.Network, plan, Cancellation));
                if (attempts.IsCompleted)
                {
                    attempts = ConnectAllTheTimeAsync(pair.Host.Network, stop.Token);
                }
            }
        }

        await stop.CancelAsync();
        Assert.True(await attempts > 100, "Too few attempts to prove anything.");
        Assert.Equal(0, app.Connections);
        await NamespaceRules.RemoveAllAsync(pair.Pod.Network, locks, TimeProvider.System, Cancellation);
        Assert.DoesNotContain("mesh", await pair.Pod.ExecuteAsync("nft list ruleset"), StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("MESH", await pair.Pod.ExecuteAsync("iptables-legacy-save"), StringComparison.Ordinal);
        Assert.DoesNotContain("0x111", await pair.Pod.ExecuteAsync("ip rule"), StringComparison.Ordinal);
        await GreetingAsync(pair.Host.Network, s_app);
        Directory.Delete(locks, recursive: true);
    }

    private static async Task RefusedWithoutProxyAsync(CaptureBackend backend, CaptureMode mode)
    {
        using PodPair pair = await PodPair.CreateAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", s_app.Port);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", s_service.Port);
        await using AgentUnderTest agent = new(new CaptureOptions { Backend = backend, Mode = mode });
        agent.WritePod("a", pair.Pod.Network);
        agent.Start();
        await agent.UntilAsync("a", "waiting-for-proxy");
        for (int round = 0; round < 3; round++)
        {
            await AssertRefusedAsync(pair.Host.Network, s_app);
            await AssertRefusedAsync(pair.Pod.Network, s_service);
            Assert.Equal(round, app.Connections);

            using ProxySink proxy = new(agent.Handover);
            await agent.UntilAsync("a", "captured");
            await GreetingAsync(pair.Host.Network, s_app);
            await GreetingAsync(pair.Pod.Network, s_service);
            Assert.Equal(2, proxy.ProxyOf("a").Captured.Count);

            // Killed, and tried again as soon as the agent can know it.
            await proxy.KillAsync();
            await agent.UntilAsync("a", "waiting-for-proxy");
        }
    }

    private static async Task AssertRefusedAsync(NetNamespace network, IPEndPoint to)
    {
        await LabSockets.AssertRefusedAtOnceAsync(network, to);
    }

    private static async Task<int> ConnectAllTheTimeAsync(NetNamespace network, CancellationToken cancellation)
    {
        int attempts = 0;
        while (!cancellation.IsCancellationRequested)
        {
            attempts++;
            using Socket socket = LabSockets.Open(network, AddressFamily.InterNetwork);
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(TimeSpan.FromMilliseconds(50));
            try
            {
                await socket.ConnectAsync(s_app, limit.Token);
            }
            catch (Exception refused) when (refused is SocketException or OperationCanceledException)
            {
                // As it must be.
            }
        }

        return attempts;
    }

    private static async Task<string> GreetingAsync(NetNamespace network, IPEndPoint to)
    {
        using Socket connection = await LabSockets.ConnectAsync(network, to);
        string greeting = await LabSockets.ReadLineAsync(connection);
        Assert.Contains(" sees ", greeting, StringComparison.Ordinal);
        return greeting;
    }

    private static string ProblemOf(AgentUnderTest agent, string uid)
    {
        JsonElement problems = agent.StatusOf(uid)!.Value.GetProperty("problems");
        return string.Join("; ", problems.EnumerateArray().Select(problem => problem.GetString()));
    }
}
