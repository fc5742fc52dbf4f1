using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Tests.Agent;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>
/// Goal: a label is all it takes. Method: the agent with its real rules, an API server in this process, pods that are namespaces, found as
/// the processes of a host.
/// </summary>
public sealed class KubernetesAgentTests : IAsyncLifetime
{
    private const string Uid = "3f0c1d2e-4a5b-6c7d-8e9f-0a1b2c3d4e5f";
    private const string Asked = "{mesh-node.io/capture: enabled}";

    private static readonly IPEndPoint s_app = new(PodPair.PodAddress(AddressFamily.InterNetwork), 8080);

    private readonly HostProcFolder _host = new();
    private readonly ApiFiles _files = new();
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _server.Define(new ApiResource(string.Empty, "v1", "events", "Event"));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _files.Dispose();
        _host.Dispose();
    }

    [LabFact]
    public async Task A_label_captures_a_running_pod_and_its_end_lets_it_go_under_traffic()
    {
        using PodPair pair = await PodPair.CreateAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", s_app.Port);
        _host.AddOfPod(40, Uid, pair.Pod.Network);
        _server.Apply(Manifests.Namespace("shop") + Manifests.Pod("cart", Uid));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        using Socket before = await OpenAsync(pair);

        _server.Apply(Manifests.Namespace("shop", Asked));
        await agent.UntilAsync(Uid, "captured");
        using Socket captured = await OpenAsync(pair);
        Assert.Single(proxy.ProxyOf(Uid).Captured);
        Assert.Equal("before", await LabSockets.AskAsync(before, "before"));

        _server.Apply(Manifests.Namespace("shop"));
        await agent.UntilGoneAsync(Uid);
        Assert.False(proxy.Serves(Uid));
        Assert.Equal("before", await LabSockets.AskAsync(before, "before"));
        Assert.DoesNotContain("mesh", await pair.Pod.ExecuteAsync("nft list ruleset"), StringComparison.OrdinalIgnoreCase);
        using Socket after = await OpenAsync(pair);
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task A_pod_that_has_not_begun_is_captured_when_it_has()
    {
        using ScratchNamespace network = await NetworkOfAsync("10.9.0.2");
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid, address: "", phase: "Pending"));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync(Uid, "enrolling");
        Assert.Equal(0, agent.StatusOf(Uid)!.Value.GetProperty("problems").GetArrayLength());

        _host.AddOfPod(40, Uid, network.Network);
        await agent.UntilAsync(Uid, "captured");
        Assert.Equal(network.Network.Id, proxy.PodOf(Uid).Network.Id);

        _server.Apply(Manifests.Pod("cart", Uid, more: "{readinessProbe: {grpc: {port: 9090}}}"));
        await Wait.UntilAsync(
            () => proxy.Calls.Count(call => call == "add " + Uid) > 1, "the proxy is told what the API server says since");
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task A_pod_without_a_process_is_said_to_be_wrong_until_there_is_one()
    {
        using ScratchNamespace first = await NetworkOfAsync("10.9.0.2");
        using ScratchNamespace second = await NetworkOfAsync("10.9.0.3");
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync(Uid, "wrong");
        Assert.Contains(
            "no process of it", agent.StatusOf(Uid)!.Value.GetProperty("problems")[0].GetString(), StringComparison.Ordinal);

        await UntilEventAsync("Warning CaptureFailed");

        _host.AddOfPod(40, Uid, first.Network);
        await agent.UntilAsync(Uid, "captured");
        await UntilEventAsync("Normal Captured");

        // The sandbox is made anew: other processes, another namespace, and the API server tells of another address.
        _host.Remove(40);
        _host.AddOfPod(41, Uid, second.Network, startedTicks: 900);
        _server.Apply(Manifests.Pod("cart", Uid, address: "10.9.0.3"));
        await Wait.UntilAsync(() => proxy.Find(Uid)?.Network.Id == second.Network.Id, "the new namespace is served");
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task An_agent_that_starts_while_the_server_is_away_disturbs_nothing()
    {
        using ScratchNamespace network = await NetworkOfAsync("10.9.0.2");
        _host.AddOfPod(40, Uid, network.Network);
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync(Uid, "captured");

        await agent.StopAsync();
        _server.Pause();
        agent.Start();
        await agent.UntilProblemAsync("does not answer");
        Assert.True(proxy.Serves(Uid));

        _server.Resume();
        await agent.UntilAsync(Uid, "captured");
        Assert.True(proxy.Serves(Uid));
        Assert.Equal(["add " + Uid, "add " + Uid], proxy.Calls);
        await proxy.KillAsync();
    }

    [LabTheory]
    [InlineData("{kubernetes.io/config.hash: 0123456789abcdef0123456789abcdef}")]
    [InlineData("{kubernetes.io/config.hash: 11111111-2222-3333-4444-555555555555}")]
    [InlineData("{kubernetes.io/config.hash: 0123456789abcdef0123456789abcdef, kubernetes.io/config.mirror: 0123456789abcdef0123456789abcdef}")]
    public async Task No_pod_has_another_s_network_captured_by_what_it_says_of_itself(string annotations)
    {
        using ScratchNamespace victim = await NetworkOfAsync("10.9.0.7");
        _host.AddOfPod(40, "0123456789abcdef0123456789abcdef", victim.Network);
        _host.AddOfPod(41, "11111111-2222-3333-4444-555555555555", victim.Network);
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid, annotations: annotations));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync(Uid, "wrong");
        Assert.False(proxy.Serves(Uid));
        Assert.DoesNotContain("mesh", await victim.ExecuteAsync("nft list ruleset"), StringComparison.OrdinalIgnoreCase);
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task A_network_without_the_pod_s_address_is_not_captured()
    {
        using ScratchNamespace other = await NetworkOfAsync("10.9.0.7");
        _host.AddOfPod(40, Uid, other.Network);
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync(Uid, "wrong");
        Assert.Contains(
            "none of its addresses", agent.StatusOf(Uid)!.Value.GetProperty("problems")[0].GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("mesh", await other.ExecuteAsync("nft list ruleset"), StringComparison.OrdinalIgnoreCase);

        await other.ExecuteAsync("ip address add 10.9.0.2/32 dev lo");
        await agent.UntilAsync(Uid, "captured");
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task A_pod_that_is_ending_is_served_on_by_an_agent_that_starts_meanwhile()
    {
        using ScratchNamespace network = await NetworkOfAsync("10.9.0.2");
        _host.AddOfPod(40, Uid, network.Network);
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync(Uid, "captured");

        await agent.StopAsync();
        _server.Apply(Manifests.Pod("cart", Uid, deleted: "\"2026-11-30T12:00:00Z\""));
        agent.Start();
        await Wait.UntilAsync(() => proxy.Calls.Count(call => call == "add " + Uid) > 1, "the proxy is told of the pod again");
        await agent.UntilAsync(Uid, "captured");
        Assert.DoesNotContain("remove " + Uid, proxy.Calls);
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task Two_hundred_pods_are_captured_at_once()
    {
        const int Count = 200;
        NetNamespace[] networks = [.. Enumerable.Range(0, Count).Select(_ => NetNamespace.Create())];
        string[] uids = [.. Enumerable.Range(0, Count).Select(_ => Guid.NewGuid().ToString())];
        for (int index = 0; index < Count; index++)
        {
            _host.AddOfPod(1000 + index, uids[index], networks[index]);
        }

        _server.Apply(Manifests.Namespace("shop") + string.Concat(uids.Select(uid => Manifests.Pod("pod-" + uid, uid, address: ""))));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using RecordingSink proxy = new();
        using CancellationTokenSource stop = new();
        HandoverClient client = new(agent.Handover, proxy, NullLogger.Instance, TimeProvider.System);
        Task serving = client.RunAsync(stop.Token);
        await Wait.UntilAsync(() => client.NotReadyReason is null, "agent and proxy have met");

        Stopwatch elapsed = Stopwatch.StartNew();
        _server.Apply(Manifests.Namespace("shop", Asked));
        await Eventually.TrueAsync(() => uids.All(proxy.Served.ContainsKey), TimeSpan.FromSeconds(100), "all pods are served");
        TestContext.Current.TestOutputHelper!.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{Count} pods in {elapsed.Elapsed.TotalSeconds:0.00} s"));
        await stop.CancelAsync();
        await serving;
        Array.ForEach(networks, network => network.Dispose());
    }

    private Task UntilEventAsync(string words) => Wait.UntilAsync(
        () => _server.Of("Event").List().Items.Any(said =>
            $"{said["type"]} {said["reason"]}" == words
            && said["involvedObject"]!["uid"]!.GetValue<string>() == Uid
            && said["metadata"]!["namespace"]!.GetValue<string>() == "shop"),
        $"an event says {words}");

    /// <summary>The network of a pod that has one address.</summary>
    private static async Task<ScratchNamespace> NetworkOfAsync(string address)
    {
        ScratchNamespace network = await ScratchNamespace.CreateAsync();
        await network.ExecuteAsync($"ip address add {address}/32 dev lo");
        return network;
    }

    private AgentUnderTest Agent() => new(new CaptureOptions { DrainSeconds = 0 }) { Kubernetes = _files.OptionsFor(_server, _host.Root) };

    private static async Task<Socket> OpenAsync(PodPair pair)
    {
        Socket socket = await LabSockets.ConnectAsync(pair.Host.Network, s_app);
        Assert.Equal("app sees 10.9.0.1", await LabSockets.ReadLineAsync(socket));
        return socket;
    }
}
