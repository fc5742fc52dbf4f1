using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Mesh.Cni.Contract;
using Mesh.Node.Capture.Tests.Agent;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Cni;

/// <summary>
/// Goal: a pod of the mesh starts captured or not at all, others start at once, and a pod that ends leaves nothing. Method: the plug-in as
/// a process behind the reference plug-ins, run as a container runtime does; the agent with its real rules, a proxy in miniature.
/// </summary>
public sealed class CniChainTests
{
    private const int Port = 9090;

    [LabTheory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    public async Task A_pod_is_captured_before_its_runtime_hears_of_success(string primary)
    {
        using RuntimeInMiniature runtime = await RuntimeInMiniature.CreateAsync();
        await using AgentUnderTest agent = NewAgent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        runtime.Configure(primary, OptionsOf(agent));
        using PodSandbox pod = await PodSandbox.CreateAsync("a");
        agent.WritePod("a", pod.Pod.Network, path: "/run/netns/unknown-to-the-source");
        await SocketAsync(agent);

        Assert.Null(await runtime.AddAsync(pod));
        string address = ((string)pod.Result!["ips"]![0]!["address"]!).Split('/')[0];
        IPEndPoint service = new(IPAddress.Parse("10.77.0.1"), Port);
        using LineServer server = new(runtime.Node.Network, "service", service);
        using (Socket client = await LabSockets.ConnectAsync(pod.Pod.Network, service))
        {
            Assert.Equal($"service sees {address}", await LabSockets.ReadLineAsync(client));
        }

        Assert.Equal([$"out {address} {service}"], proxy.ProxyOf("a").Captured);
        Assert.Null(await runtime.CheckAsync(pod));

        // What somebody breaks is put right when the runtime asks.
        await pod.Pod.ExecuteAsync("nft flush chain inet mesh_node connect");
        Assert.Null(await runtime.CheckAsync(pod));
        await Wait.UntilAsync(() => agent.StatusOf("a")?.GetProperty("repairs").GetInt32() == 1, "the repair is told of");

        // A second ADD is the first said again.
        JsonNode meshCni = runtime.ReadConfiguration()["plugins"]![1]!;
        (int status, string output) = await runtime.RunAsync("ADD", runtime.ReadConfiguration(), meshCni, pod, pod.Result);
        Assert.Equal(0, status);
        Assert.True(JsonNode.DeepEquals(pod.Result, JsonNode.Parse(output)), output);

        await runtime.DeleteAsync(pod);
        await Wait.UntilAsync(() => !proxy.Serves("a"), "the proxy lets go");
        await agent.UntilGoneAsync("a");
        Assert.DoesNotContain("mesh", await pod.Pod.ExecuteAsync("nft list ruleset"), StringComparison.OrdinalIgnoreCase);
        await runtime.DeleteAsync(pod);
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task Without_an_agent_pods_wait_and_system_pods_start()
    {
        using RuntimeInMiniature runtime = await RuntimeInMiniature.CreateAsync();
        await using AgentUnderTest agent = NewAgent();
        JsonObject options = OptionsOf(agent);
        options["ownNamespace"] = "mesh-node";
        options["ownPodPrefixes"] = new JsonArray("mesh-node-agent-");
        runtime.Configure("bridge", options);
        using PodSandbox pod = await PodSandbox.CreateAsync("a");
        using PodSandbox system = await PodSandbox.CreateAsync("dns", "kube-system");
        using PodSandbox own = await PodSandbox.CreateAsync("mesh-node-agent-x2b7k", "mesh-node");

        JsonNode refused = (await runtime.AddAsync(pod))!;
        Assert.Equal(CniErrorCode.TryAgainLater, (int)refused["code"]!);
        Assert.Contains("shop/a does not start uncaptured", (string)refused["msg"]!, StringComparison.Ordinal);
        Assert.Null(await runtime.AddAsync(system));
        Assert.Null(await runtime.AddAsync(own));
        await runtime.DeleteAsync(pod);

        // The agent comes, and then the proxy, while the kubelet's next attempt waits.
        agent.WritePod("a", pod.Pod.Network);
        agent.Start();
        await SocketAsync(agent);
        Task<JsonNode?> adding = runtime.AddAsync(pod);
        await agent.UntilAsync("a", "waiting-for-proxy");
        Assert.False(adding.IsCompleted);
        using ProxySink proxy = new(agent.Handover);
        Assert.Null(await adding);
        Assert.True(proxy.Serves("a"));
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task Without_a_proxy_a_pod_is_asked_to_be_tried_again_and_status_says_why()
    {
        using RuntimeInMiniature runtime = await RuntimeInMiniature.CreateAsync();
        await using AgentUnderTest agent = NewAgent(addTimeoutSeconds: 1);
        agent.Start();
        runtime.Configure("bridge", OptionsOf(agent));
        using PodSandbox pod = await PodSandbox.CreateAsync("a");
        agent.WritePod("a", pod.Pod.Network);
        await SocketAsync(agent);

        // As the kubelet does: until the rules are right there is another reason to wait.
        JsonNode refused = (await runtime.AddAsync(pod))!;
        while (!((string)refused["details"]!).Contains("no proxy is connected", StringComparison.Ordinal))
        {
            Assert.Equal(CniErrorCode.TryAgainLater, (int)refused["code"]!);
            await runtime.DeleteAsync(pod);
            refused = (await runtime.AddAsync(pod))!;
        }

        Assert.Equal(CniErrorCode.TryAgainLater, (int)refused["code"]!);
        JsonNode network = runtime.ReadConfiguration();
        network["cniVersion"] = "1.1.0";
        JsonNode meshCni = network["plugins"]![1]!;
        (int status, string output) = await runtime.RunAsync("STATUS", network, meshCni, null, null);
        Assert.Equal((1, CniErrorCode.NotAvailableLimited), (status, (int)JsonNode.Parse(output)!["code"]!));

        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");
        Assert.Equal((0, ""), await runtime.RunAsync("STATUS", network, meshCni, null, null));
        do
        {
            await runtime.DeleteAsync(pod);
        }
        while (await runtime.AddAsync(pod) is not null);
        Assert.True(proxy.Serves("a"));
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task A_pod_that_nobody_enrolled_starts_at_once_and_untouched()
    {
        using RuntimeInMiniature runtime = await RuntimeInMiniature.CreateAsync();
        await using AgentUnderTest agent = NewAgent();
        agent.Start();
        runtime.Configure("bridge", OptionsOf(agent));
        using PodSandbox pod = await PodSandbox.CreateAsync("a");
        await SocketAsync(agent);

        Assert.Null(await runtime.AddAsync(pod));
        Assert.Null(await runtime.CheckAsync(pod));
        Assert.DoesNotContain("mesh", await pod.Pod.ExecuteAsync("nft list ruleset"), StringComparison.OrdinalIgnoreCase);

        // A file that should name it and cannot be read decides nothing.
        File.WriteAllText(agent.FileOf("b"), "{");
        using PodSandbox unknown = await PodSandbox.CreateAsync("b");
        JsonNode refused = (await runtime.AddAsync(unknown))!;
        Assert.Equal(CniErrorCode.TryAgainLater, (int)refused["code"]!);
        await runtime.DeleteAsync(pod);
    }

    [LabFact]
    public async Task A_sandbox_made_anew_takes_the_pod_over_and_the_end_of_the_old_one_changes_nothing()
    {
        using RuntimeInMiniature runtime = await RuntimeInMiniature.CreateAsync();
        await using AgentUnderTest agent = NewAgent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        runtime.Configure("bridge", OptionsOf(agent));
        using PodSandbox old = await PodSandbox.CreateAsync("a");
        using PodSandbox anew = await PodSandbox.CreateAsync("a");
        agent.WritePod("a", old.Pod.Network, path: "/run/netns/unknown-to-the-source");
        await SocketAsync(agent);

        Assert.Null(await runtime.AddAsync(old));
        Assert.Equal(old.Pod.Network.Id, proxy.PodOf("a").Network.Id);
        await proxy.RemoveAsync("a", CancellationToken.None);
        Assert.Null(await runtime.AddAsync(anew));
        Assert.Equal(anew.Pod.Network.Id, proxy.PodOf("a").Network.Id);
        await runtime.DeleteAsync(old);
        Assert.True(proxy.Serves("a"));
        Assert.Null(await runtime.CheckAsync(anew));

        // An agent that was started meanwhile knows a pod by its namespace.
        await agent.StopAsync();
        File.Delete(agent.Cni.SocketPath);
        agent.WritePod("a", anew.Pod.Network);
        agent.Start();
        await SocketAsync(agent);
        Assert.Null(await runtime.CheckAsync(anew));
        await runtime.DeleteAsync(old);
        Assert.True(proxy.Serves("a"));
        await runtime.DeleteAsync(anew);
        await Wait.UntilAsync(() => !proxy.Serves("a"), "the proxy lets go");
        await proxy.KillAsync();
    }

    private static AgentUnderTest NewAgent(int addTimeoutSeconds = 60) =>
        new(new CaptureOptions { DrainSeconds = 0, Backend = CaptureBackend.Nft }) { CniAddTimeoutSeconds = addTimeoutSeconds };

    private static Task SocketAsync(AgentUnderTest agent) =>
        Wait.UntilAsync(() => File.Exists(agent.Cni.SocketPath), "the agent answers the runtime");

    private static JsonObject OptionsOf(AgentUnderTest agent) => new()
    {
        ["socketPath"] = agent.Cni.SocketPath,
        ["timeoutSeconds"] = 90,
        ["reportsStatus"] = true,
    };
}
