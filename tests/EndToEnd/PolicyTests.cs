using System.Diagnostics;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Policy as the client's application sees it. Goal: each rule holds on every path to a workload (mutual TLS, plaintext, same node), and a
/// change of policy reaches what is open already.
/// </summary>
public sealed class PolicyTests(TproxyLab fixture) : IClassFixture<TproxyLab>, IAsyncLifetime
{
    private const int Port = 8080;
    private const int OtherPort = 8081;
    private const string Selector = "selector: {matchLabels: {app: server-2}}";

    private static readonly TimeSpan s_settled = TimeSpan.FromMilliseconds(500);

    private readonly MeshLab _lab = fixture.Lab;
    private readonly List<(string Kind, string Name)> _applied = [];

    /// <summary>From another node by mutual TLS, from the same node, and in plaintext: every path that ends at server-2.</summary>
    public static TheoryData<string> Clients() => ["mesh/client-1", "mesh/client-2", "outside/client-1"];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach ((string kind, string name) in _applied)
        {
            await _lab.DeleteAsync(kind, name);
        }
    }

    [LabTheory]
    [InlineData("mesh/client-1", Outcome.Answered)]
    [InlineData("mesh/client-2", Outcome.Answered)]
    [InlineData("outside/client-1", Outcome.Reset)]
    public async Task STRICT_admits_identities_and_resets_plaintext(string clientName, object expected)
    {
        LabPod client = await _lab.PodAsync(clientName);
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());

        await ApplyAsync("PeerAuthentication", "strict", "mtls: {mode: STRICT}");

        await Attempt.UntilAsync((Outcome)expected, client, echo.EndPoint());
        await StaysAsync((Outcome)expected, client, echo);
    }

    [LabFact]
    public async Task PERMISSIVE_admits_plaintext_and_a_port_can_be_stricter_or_looser_than_its_workload()
    {
        LabPod plain = await _lab.PodAsync("outside/client-1");
        LabPod server = await _lab.PodAsync("mesh/server-2");
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        await using EchoServer other = await EchoServer.StartAsync(server, OtherPort);

        await ApplyAsync("PeerAuthentication", "namespace-wide", "mtls: {mode: STRICT}");
        await Attempt.UntilAsync(Outcome.Reset, plain, echo.EndPoint());

        string looserPort = $"mtls: {{mode: STRICT}}\n  portLevelMtls: {{{Port}: {{mode: PERMISSIVE}}}}";
        await ApplyAsync("PeerAuthentication", "workload", $"{Selector}\n  {looserPort}");
        await Attempt.UntilAsync(Outcome.Answered, plain, echo.EndPoint());
        Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(plain, other.EndPoint()));

        string stricterPort = $"mtls: {{mode: PERMISSIVE}}\n  portLevelMtls: {{{Port}: {{mode: STRICT}}}}";
        await ApplyAsync("PeerAuthentication", "workload", $"{Selector}\n  {stricterPort}");
        await Attempt.UntilAsync(Outcome.Answered, plain, other.EndPoint());
        Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(plain, echo.EndPoint()));
    }

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task A_denied_address_is_reset_on_every_path(string clientName)
    {
        LabPod client = await _lab.PodAsync(clientName);
        await DenyAsync($"from: [{{source: {{ipBlocks: [\"{client.Address4}/32\", \"{client.Address6}/128\"]}}}}]");
        await AssertDeniedAsync(client, AddressFamily.InterNetwork);
        await AssertDeniedAsync(client, AddressFamily.InterNetworkV6);
    }

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task A_denied_port_is_reset_on_every_path_and_the_others_answer(string clientName)
    {
        LabPod client = await _lab.PodAsync(clientName);
        await DenyAsync($"to: [{{operation: {{ports: [\"{Port}\"]}}}}]");
        await AssertDeniedAsync(client, AddressFamily.InterNetwork);
        await using EchoServer other = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), OtherPort);
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(client, other.EndPoint()));
    }

    [LabTheory]
    [InlineData("principals: [cluster.local/ns/mesh/sa/client]", "mesh/client-1")]
    [InlineData("principals: [cluster.local/ns/mesh/sa/client]", "mesh/client-2")]
    [InlineData("namespaces: [mesh]", "mesh/client-1")]
    [InlineData("namespaces: [mesh]", "mesh/client-2")]
    public async Task A_denied_identity_or_namespace_is_reset_and_others_answer(string source, string clientName)
    {
        LabPod client = await _lab.PodAsync(clientName);
        LabPod plain = await _lab.PodAsync("outside/client-1");
        await DenyAsync($"from: [{{source: {{{source}}}}}]");
        await AssertDeniedAsync(client, AddressFamily.InterNetwork);
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(plain, echo.EndPoint()));
    }

    [LabFact]
    public async Task An_ALLOW_admits_who_it_names_and_nobody_else()
    {
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        LabPod allowed = await _lab.PodAsync("mesh/client-1");
        LabPod account = await AddClientAsync("mesh/other-account", "someone-else");
        LabPod plain = await _lab.PodAsync("outside/client-1");

        const string Rules = "[{from: [{source: {principals: [cluster.local/ns/mesh/sa/client]}}]}]";
        await ApplyAsync("AuthorizationPolicy", "allow", $"{Selector}\n  action: ALLOW\n  rules: {Rules}");

        await Attempt.UntilAsync(Outcome.Reset, account, echo.EndPoint());
        Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(plain, echo.EndPoint()));
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(allowed, echo.EndPoint()));
    }

    [LabFact]
    public async Task A_field_that_is_not_supported_makes_a_policy_stricter_and_never_looser()
    {
        LabPod client = await _lab.PodAsync("mesh/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());

        // An ALLOW whose only rule needs HTTP admits nothing at L4.
        const string Rules = "[{to: [{operation: {paths: [/public]}}]}]";
        await ApplyAsync("AuthorizationPolicy", "needs-http", $"{Selector}\n  action: ALLOW\n  rules: {Rules}");

        await Attempt.UntilAsync(Outcome.Reset, client, echo.EndPoint());
    }

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task A_change_of_policy_closes_an_open_connection_within_a_second(string clientName)
    {
        LabPod client = await _lab.PodAsync(clientName);
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());
        using Socket connection = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
        Assert.Equal("before", await connection.EchoAsync("before"));

        long changedAt = Stopwatch.GetTimestamp();
        await DenyAsync($"to: [{{operation: {{ports: [\"{Port}\"]}}}}]");
        ConnectionEnd end = await connection.WaitForEndAsync(TimeSpan.FromSeconds(5));

        Assert.Equal(ConnectionEnd.Reset, end);
        Assert.InRange(Stopwatch.GetElapsedTime(changedAt), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        await fixture.AccessLineAsync("node-2", line => line.CloseReason == "PolicyRevoked" && line.DestinationWorkload == "server-2");
    }

    private Task DenyAsync(string rule) => ApplyAsync("AuthorizationPolicy", "deny", $"{Selector}\n  action: DENY\n  rules: [{{{rule}}}]");

    private async Task AssertDeniedAsync(LabPod client, AddressFamily family)
    {
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Reset, client, echo.EndPoint(family));
        await StaysAsync(Outcome.Reset, client, echo, family);
        Assert.Empty(echo.Clients);
        AccessLogLine line = await fixture.AccessLineAsync(
            "node-2", line => line is { CloseReason: "PolicyDenied", DestinationWorkload: "server-2" });
        Assert.Contains("deny", line.Detail, StringComparison.Ordinal);
    }

    // The first attempt that is decided the new way says that the change has arrived; those that follow say that it is the rule.
    private static async Task StaysAsync(
        Outcome expected, LabPod client, EchoServer echo, AddressFamily family = AddressFamily.InterNetwork)
    {
        long startedAt = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(startedAt) < s_settled)
        {
            Assert.Equal(expected, await Attempt.AnEchoAsync(client, echo.EndPoint(family)));
        }
    }

    private async Task<LabPod> AddClientAsync(string name, string account)
    {
        await _lab.ApplyAsync(TwoNodeLab.Pod(name, 1, account));
        _applied.Add(("Pod", name));
        await fixture.ReadyAsync();
        return await _lab.PodAsync(name);
    }

    private async Task ApplyAsync(string kind, string name, string spec)
    {
        string metadata = $"metadata: {{name: {name}, namespace: mesh}}";
        await _lab.ApplyAsync($"apiVersion: security.istio.io/v1\nkind: {kind}\n{metadata}\nspec:\n  {spec}\n");
        if (!_applied.Contains((kind, $"mesh/{name}")))
        {
            _applied.Add((kind, $"mesh/{name}"));
        }
    }
}
