using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyPolicyTests(TproxyLab fixture) : PolicyTests(fixture);

[Collection(nameof(RedirectGroup))]
public sealed class RedirectPolicyTests(RedirectLab fixture) : PolicyTests(fixture);

/// <summary>
/// Policy as the client's application sees it. Goal: each rule holds on every path to a workload (mutual TLS, plaintext, same node), and a
/// change of policy reaches what is open already.
/// </summary>
public abstract class PolicyTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;
    private const int OtherPort = 8081;
    private const string Selector = "selector: {matchLabels: {app: server-2}}";
    private const string DenyPort = "to: [{operation: {ports: [\"8080\"]}}]";

    private static readonly TimeSpan s_told = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    /// <summary>From another node by mutual TLS, from the same node, and in plaintext: every path that ends at server-2.</summary>
    public static TheoryData<string> Clients() => ["mesh/client-1", "mesh/client-2", "outside/client-1"];

    [LabTheory]
    [InlineData("mesh/client-1", Outcome.Answered)]
    [InlineData("mesh/client-2", Outcome.Answered)]
    [InlineData("outside/client-1", Outcome.Reset)]
    public async Task STRICT_admits_identities_and_resets_plaintext(string clientName, object expected)
    {
        LabPod client = await Lab.PodAsync(clientName);
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        await AssertOutcomeAsync(Outcome.Answered, client, echo);

        await EstablishAsync(Policy("PeerAuthentication", "strict", "mtls: {mode: STRICT}"));

        await AssertOutcomeAsync((Outcome)expected, client, echo);
    }

    [LabFact]
    public async Task PERMISSIVE_admits_plaintext_and_a_port_can_be_stricter_or_looser_than_its_workload()
    {
        LabPod plain = await Lab.PodAsync("outside/client-1");
        LabPod server = await Lab.PodAsync("mesh/server-2");
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        await using EchoServer other = await EchoServer.StartAsync(server, OtherPort);

        await EstablishAsync(Policy("PeerAuthentication", "namespace-wide", "mtls: {mode: STRICT}"));
        await AssertOutcomeAsync(Outcome.Reset, plain, echo);

        string looserPort = $"mtls: {{mode: STRICT}}\n  portLevelMtls: {{{Port}: {{mode: PERMISSIVE}}}}";
        await EstablishAsync(Policy("PeerAuthentication", "workload", $"{Selector}\n  {looserPort}"));
        await AssertOutcomeAsync(Outcome.Answered, plain, echo);
        await AssertOutcomeAsync(Outcome.Reset, plain, other);

        string stricterPort = $"mtls: {{mode: PERMISSIVE}}\n  portLevelMtls: {{{Port}: {{mode: STRICT}}}}";
        await EstablishAsync(Policy("PeerAuthentication", "workload", $"{Selector}\n  {stricterPort}"));
        await AssertOutcomeAsync(Outcome.Reset, plain, echo);
        await AssertOutcomeAsync(Outcome.Answered, plain, other);
    }

    [LabFact]
    public async Task DISABLE_admits_plaintext_and_still_mutual_TLS_where_the_mesh_is_STRICT()
    {
        LabPod plain = await Lab.PodAsync("outside/client-1");
        LabPod server = await Lab.PodAsync("mesh/server-2");
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        await using EchoServer other = await EchoServer.StartAsync(server, OtherPort);
        await EstablishAsync(Policy("PeerAuthentication", "mesh-wide", "mtls: {mode: STRICT}", "istio-system"));
        await AssertOutcomeAsync(Outcome.Reset, plain, echo);

        await EstablishAsync(Policy("PeerAuthentication", "namespace-wide", "mtls: {mode: DISABLE}"));
        await AssertOutcomeAsync(Outcome.Answered, plain, echo);
        await AssertOutcomeAsync(Outcome.Answered, await Lab.PodAsync("mesh/client-1"), echo);
        await Fixture.AccessLineAsync("node-2", line => line is { Path: "InboundHbone", DestinationWorkload: "server-2" });

        string disabledPort = $"mtls: {{mode: STRICT}}\n  portLevelMtls: {{{Port}: {{mode: DISABLE}}}}";
        await EstablishAsync(Policy("PeerAuthentication", "workload", $"{Selector}\n  {disabledPort}"));
        await AssertOutcomeAsync(Outcome.Answered, plain, echo);
        await AssertOutcomeAsync(Outcome.Reset, plain, other);
    }

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task A_denied_address_is_reset_on_every_path(string clientName)
    {
        LabPod client = await Lab.PodAsync(clientName);
        await EstablishAsync(Deny($"from: [{{source: {{ipBlocks: [\"{client.Address4}/32\", \"{client.Address6}/128\"]}}}}]"));
        await AssertDeniedAsync(client, AddressFamily.InterNetwork);
        await AssertDeniedAsync(client, AddressFamily.InterNetworkV6);
    }

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task A_denied_port_is_reset_on_every_path_and_the_others_answer(string clientName)
    {
        LabPod client = await Lab.PodAsync(clientName);
        await EstablishAsync(Deny(DenyPort));
        await AssertDeniedAsync(client, AddressFamily.InterNetwork);
        await using EchoServer other = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), OtherPort);
        await AssertOutcomeAsync(Outcome.Answered, client, other);
    }

    [LabTheory]
    [InlineData("principals: [cluster.local/ns/mesh/sa/client]", "mesh/client-1")]
    [InlineData("principals: [cluster.local/ns/mesh/sa/client]", "mesh/client-2")]
    [InlineData("namespaces: [mesh]", "mesh/client-1")]
    [InlineData("namespaces: [mesh]", "mesh/client-2")]
    public async Task A_denied_identity_or_namespace_is_reset_and_others_answer(string source, string clientName)
    {
        LabPod client = await Lab.PodAsync(clientName);
        await EstablishAsync(Deny($"from: [{{source: {{{source}}}}}]"));
        await AssertDeniedAsync(client, AddressFamily.InterNetwork);
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        await AssertOutcomeAsync(Outcome.Answered, await Lab.PodAsync("outside/client-1"), echo);
    }

    [LabFact]
    public async Task An_ALLOW_admits_who_it_names_and_nobody_else()
    {
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        LabPod account = await AddPodAsync("mesh/other-account", "someone-else");

        const string Rules = "[{from: [{source: {principals: [cluster.local/ns/mesh/sa/client]}}]}]";
        await EstablishAsync(Policy("AuthorizationPolicy", "allow", $"{Selector}\n  action: ALLOW\n  rules: {Rules}"));

        await AssertOutcomeAsync(Outcome.Reset, account, echo);
        await AssertOutcomeAsync(Outcome.Reset, await Lab.PodAsync("outside/client-1"), echo);
        await AssertOutcomeAsync(Outcome.Answered, await Lab.PodAsync("mesh/client-1"), echo);
        await AssertOutcomeAsync(Outcome.Answered, await Lab.PodAsync("mesh/client-2"), echo);
    }

    [LabFact]
    public async Task A_rule_about_requests_reaches_the_proxy_whole_and_admits_no_connection_that_carries_none()
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        await AssertOutcomeAsync(Outcome.Answered, client, echo);

        // An ALLOW whose only rule is about requests admits none where there are none.
        const string Rules = "[{to: [{operation: {paths: [/public]}}]}]";
        await EstablishAsync(Policy("AuthorizationPolicy", "about-requests", $"{Selector}\n  action: ALLOW\n  rules: {Rules}"));

        await AssertOutcomeAsync(Outcome.Reset, client, echo);
        string dump = await (await Lab.NodeAsync("node-2")).AdminAsync("/config_dump");
        JsonNode policy = JsonNode.Parse(dump)!["policies"]!.AsArray().Single(policy => (string?)policy!["name"] == "about-requests")!;
        Assert.Equal("/public", (string?)policy["rules"]![0]![0]![0]!["request"]!["paths"]![0]!["Exact"]);
    }

    [LabFact]
    public async Task A_denial_of_requests_denies_the_connections_of_its_port_that_carry_none()
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        LabPod server = await Lab.PodAsync("mesh/server-2");
        await using EchoServer echo = await EchoServer.StartAsync(server, Port);
        await using EchoServer other = await EchoServer.StartAsync(server, OtherPort);
        await AssertOutcomeAsync(Outcome.Answered, client, echo);

        await EstablishAsync(Deny("to: [{operation: {ports: [\"8080\"], paths: [/admin]}}]"));

        await AssertOutcomeAsync(Outcome.Reset, client, echo);
        await AssertOutcomeAsync(Outcome.Answered, client, other);
    }

    [LabTheory]
    [MemberData(nameof(Clients))]
    public async Task A_policy_that_denies_closes_an_open_connection_within_a_second(string clientName)
    {
        LabPod client = await Lab.PodAsync(clientName);
        await AssertClosesAsync(client, Deny(DenyPort));
    }

    [LabFact]
    public async Task STRICT_closes_an_open_plaintext_connection_within_a_second()
    {
        LabPod client = await Lab.PodAsync("outside/client-1");
        await AssertClosesAsync(client, Policy("PeerAuthentication", "strict", "mtls: {mode: STRICT}"));
    }

    [LabFact]
    public async Task A_policy_that_goes_on_allowing_leaves_open_connections_alone()
    {
        LabPod client = await Lab.PodAsync("mesh/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        using Socket connection = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
        Assert.Equal("before", await connection.EchoAsync("before"));

        await EstablishAsync(Deny("from: [{source: {namespaces: [elsewhere]}}]"));
        await EstablishAsync(Policy("PeerAuthentication", "strict", "mtls: {mode: STRICT}"));

        Assert.Equal("after", await connection.EchoAsync("after"));
    }

    // From the file to the connection. On a busy machine one round may be slow for the machine's sake, and not three.
    private async Task AssertClosesAsync(LabPod client, string policy)
    {
        const int RoundsMax = 3;
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        TimeSpan taken = TimeSpan.MaxValue;
        for (int round = 0; round < RoundsMax && taken > s_told; round++)
        {
            await WithdrawAsync();
            using Socket connection = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
            Assert.Equal("before", await connection.EchoAsync("before"));

            long changedAt = Stopwatch.GetTimestamp();
            await ApplyAsync(policy);
            ConnectionEnd end = await connection.WaitForEndAsync(s_patience);

            taken = Stopwatch.GetElapsedTime(changedAt);
            Assert.Equal(ConnectionEnd.Reset, end);
        }

        Assert.InRange(taken, TimeSpan.Zero, s_told);
        await Fixture.AccessLineAsync("node-2", line => line.CloseReason == "PolicyRevoked" && line.DestinationWorkload == "server-2");
    }

    private async Task AssertDeniedAsync(LabPod client, AddressFamily family)
    {
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        Assert.Equal(Outcome.Reset, await Attempt.AnEchoAsync(client, echo.EndPoint(family)));
        Assert.Empty(echo.Clients);
        AccessLogLine line = await Fixture.AccessLineAsync(
            "node-2", line => line is { CloseReason: "PolicyDenied", DestinationWorkload: "server-2" });
        Assert.Contains("mesh/deny", line.Detail, StringComparison.Ordinal);
    }

    private static async Task AssertOutcomeAsync(Outcome expected, LabPod client, EchoServer echo)
    {
        Assert.Equal(expected, await Attempt.AnEchoAsync(client, echo.EndPoint()));
        Assert.Equal(expected, await Attempt.AnEchoAsync(client, echo.EndPoint(AddressFamily.InterNetworkV6)));
    }

    private static string Deny(string rule) =>
        Policy("AuthorizationPolicy", "deny", $"{Selector}\n  action: DENY\n  rules: [{{{rule}}}]");

    private static string Policy(string kind, string name, string spec, string space = "mesh") =>
        $$"""
        apiVersion: security.istio.io/v1
        kind: {{kind}}
        metadata: {name: {{name}}, namespace: {{space}}}
        spec:
          {{spec}}

        """;
}
