using System.Text.Json.Nodes;
using Mesh.Api.Enrolment;
using Mesh.Node.Capture.Tests.Agent;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>
/// Goal: a pod says that its capture stands when it does, and at no other time. Method: the agent with its real rules, an API server in this
/// process.
/// </summary>
public sealed class CaptureNotesTests : IAsyncLifetime
{
    private const string Uid = "3f0c1d2e-4a5b-6c7d-8e9f-0a1b2c3d4e5f";
    private const string Asked = "{mesh-node.io/capture: enabled}";
    private const string Stands = "ambient.istio.io/redirection: enabled";
    private const string Ours = "mesh-node.io/captured: \"true\"";

    private readonly HostProcFolder _host = new();
    private readonly ApiFiles _files = new();
    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _files.Dispose();
        _host.Dispose();
    }

    [LabFact]
    public async Task It_is_said_once_a_proxy_serves_the_pod_and_taken_back_when_it_leaves()
    {
        using ScratchNamespace network = await NetworkAsync();
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid, annotations: "{example.com/x: y}"));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        await agent.UntilAsync(Uid, "waiting-for-proxy");
        Assert.False(IsSaid());

        using ProxySink proxy = new(agent.Handover);
        await UntilSaidAsync(true);
        Assert.Equal("y", Pod()["metadata"]!["annotations"]!["example.com/x"]!.GetValue<string>());
        Assert.All(
            _server.Requests.Where(request => request.EndsWith("/status", StringComparison.Ordinal)),
            request => Assert.Equal("/api/v1/namespaces/shop/pods/cart/status", request));

        // What is said of the pod is no change of the pod, and a proxy that is away does not end its capture.
        Assert.Equal(["add " + Uid], proxy.Calls);
        await proxy.KillAsync();
        await agent.UntilAsync(Uid, "waiting-for-proxy");
        Assert.True(IsSaid());

        _server.Apply(Manifests.Namespace("shop"));
        await UntilSaidAsync(false);
    }

    [LabFact]
    public async Task What_somebody_else_writes_is_put_right()
    {
        using ScratchNamespace network = await NetworkAsync();
        _server.Apply(Manifests.Namespace("shop") + Manifests.Pod("cart", Uid, annotations: $"{{{Stands}, {Ours}}}"));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        await UntilSaidAsync(false);

        using ProxySink proxy = new(agent.Handover);
        _server.Apply(Manifests.Namespace("shop", Asked));
        await UntilSaidAsync(true);
        _server.Apply(Manifests.Pod("cart", Uid));
        await UntilSaidAsync(true);
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task What_the_agent_of_another_mesh_says_of_its_pods_stays()
    {
        using ScratchNamespace network = await NetworkAsync();
        const string Theirs = "7f0c1d2e-4a5b-6c7d-8e9f-0a1b2c3d4e5f";
        _server.Apply(
            Manifests.Namespace("shop")
            + Manifests.Pod("cart", Uid, annotations: $"{{{Stands}}}")
            + Manifests.Pod("ours", Theirs, annotations: $"{{{Stands}, {Ours}}}"));
        await using AgentUnderTest agent = Agent();
        agent.Start();

        // Both are looked at in one turn.
        await Wait.UntilAsync(() => !IsSaid("ours"), "what was said by ours is taken back");
        Assert.True(IsSaid());
        Assert.Equal(0, Patches());
    }

    [LabFact]
    public async Task A_refusal_is_forgotten_with_its_pod()
    {
        using ScratchNamespace network = await NetworkAsync();
        _server.FaultWhile(
            () => true,
            path => path.EndsWith("/pods/cart/status", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 403, "Forbidden", "pods/status is forbidden"));
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilProblemAsync("pods/status is forbidden");

        _server.Delete("Pod", "shop", "cart");
        await Wait.UntilAsync(
            () => !File.ReadAllText(agent.Agent.StatusPath).Contains("is forbidden", StringComparison.Ordinal), "the problem is gone");
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task An_agent_that_starts_anew_leaves_it_said()
    {
        using ScratchNamespace network = await NetworkAsync();
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await UntilSaidAsync(true);
        await agent.StopAsync();

        int before = Patches();
        agent.Start();
        await Wait.UntilAsync(() => proxy.Calls.Count(call => call == "add " + Uid) > 1, "the proxy is told of the pod again");
        await agent.UntilAsync(Uid, "captured");
        Assert.Equal(before, Patches());
        Assert.True(IsSaid());
        await proxy.KillAsync();
    }

    [LabFact]
    public async Task That_it_may_not_be_said_is_a_problem_until_it_may()
    {
        using ScratchNamespace network = await NetworkAsync();
        bool isForbidden = true;
        _server.FaultWhile(
            () => Volatile.Read(ref isForbidden),
            path => path.EndsWith("/pods/cart/status", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 403, "Forbidden", "pods/status is forbidden"));
        _server.Apply(Manifests.Namespace("shop", Asked) + Manifests.Pod("cart", Uid));
        await using AgentUnderTest agent = Agent();
        agent.Start();
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilProblemAsync("pods/status is forbidden");

        Volatile.Write(ref isForbidden, false);
        await UntilSaidAsync(true);
        await Wait.UntilAsync(
            () => !File.ReadAllText(agent.Agent.StatusPath).Contains("is forbidden", StringComparison.Ordinal), "the problem is gone");
        await proxy.KillAsync();
    }

    private JsonObject Pod(string name = "cart") =>
        _server.Of("Pod").List().Items.Single(pod => pod["metadata"]!["name"]!.GetValue<string>() == name);

    private bool IsSaid(string name = "cart") =>
        Pod(name)["metadata"]!["annotations"]?[CaptureRule.StandsAnnotation]?.GetValue<string>() == CaptureRule.Stands;

    private int Patches() => _server.Requests.Count(request => request.EndsWith("/pods/cart/status", StringComparison.Ordinal));

    private Task UntilSaidAsync(bool stands) => Wait.UntilAsync(() => IsSaid() == stands, $"the pod says that its capture stands: {stands}");

    private async Task<ScratchNamespace> NetworkAsync()
    {
        ScratchNamespace network = await ScratchNamespace.CreateAsync();
        await network.ExecuteAsync("ip address add 10.9.0.2/32 dev lo");
        _host.AddOfPod(40, Uid, network.Network);
        return network;
    }

    private AgentUnderTest Agent() => new(new CaptureOptions { DrainSeconds = 0 }) { Kubernetes = _files.OptionsFor(_server, _host.Root) };
}
