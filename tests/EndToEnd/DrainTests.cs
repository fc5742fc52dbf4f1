using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// A proxy that is asked to end. Goal: what is under way is finished, for as long as it is allowed, and only then the process ends.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class DrainTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;
    private const ushort CapturePort = 15001;

    private static readonly TimeSpan s_promptly = TimeSpan.FromSeconds(20);

    private Task _stopping = Task.CompletedTask;

    public override async ValueTask DisposeAsync()
    {
        // Also when the test has failed meanwhile: what still drains cannot be started.
        await _stopping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Lab.StartAsync("node-1/proxy");
        await Lab.StartAsync("node-2/proxy");
        await Fixture.ReadyAsync();
        await base.DisposeAsync();
    }

    [LabTheory]
    [InlineData("mesh/client-1", "node-1/proxy")]
    [InlineData("mesh/client-1", "node-2/proxy")]
    [InlineData("mesh/client-2", "node-2/proxy")]
    [InlineData("outside/client-1", "node-2/proxy")]
    public async Task A_transfer_under_way_is_finished_before_the_proxy_ends(string clientName, string proxy)
    {
        const long Bytes = 64L << 20;
        LabPod client = await Lab.PodAsync(clientName);
        using Rendezvous meeting = await Rendezvous.OpenAsync(await Lab.PodAsync("mesh/server-2"), Port);
        using ConnectedPair pair = await meeting.JoinAsync(client);
        Task<uint> sent = Pattern.SendAsync(pair.Near, Bytes, seed: 1);
        uint firstHalf = await Pattern.ReceiveAsync(pair.Far, Bytes / 2);

        string captured = proxy.StartsWith(client.Node, StringComparison.Ordinal) ? clientName : "mesh/server-2";
        Task stopping = await BeginDrainAsync(proxy, captured);

        Outcome newcomer = await NewcomerAsync(client, meeting.EndPoint());
        Assert.True(newcomer is Outcome.Refused or Outcome.Reset, newcomer.ToString());
        LabNode node = await Lab.NodeAsync(proxy.Split('/')[0]);
        (HttpStatusCode ready, string why) = await node.ReadinessAsync();
        Assert.Equal((HttpStatusCode.ServiceUnavailable, true), (ready, why.StartsWith("stopping: ", StringComparison.Ordinal)));
        Assert.Contains(":8080", await node.AdminAsync("/connections"), StringComparison.Ordinal);
        Assert.True((await node.MetricsAsync()).Sum("istio_tcp_connections_opened_total") > 0);
        uint secondHalf = await Pattern.ReceiveAsync(pair.Far, Bytes / 2);
        await sent;
        pair.Near.Shutdown(SocketShutdown.Send);
        Assert.Equal(ConnectionEnd.Ended, await pair.Far.WaitForEndAsync(s_promptly));
        pair.Far.Shutdown(SocketShutdown.Send);
        Assert.Equal(ConnectionEnd.Ended, await pair.Near.WaitForEndAsync(s_promptly));
        Assert.NotEqual(firstHalf, secondHalf);

        await AssertEndsAsync(proxy, stopping);
    }

    [LabTheory]
    [InlineData("mesh/client-1", "node-1/proxy")]
    [InlineData("mesh/client-1", "node-2/proxy")]
    [InlineData("mesh/client-2", "node-2/proxy")]
    public async Task Requests_under_way_are_answered_and_kept_connections_end_in_order(string clientName, string proxy)
    {
        const int Count = 16;
        const string Service = "drained";
        await ApplyAsync(Applications.Pod(Service, node: 2, Service) + Applications.Service(Service));
        await Fixture.ReadyAsync();
        await Fixture.SettleAsync();
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using WebServer server = await WebServer.StartAsync(
            await Lab.PodAsync($"mesh/{Service}"),
            Port,
            context => context.Request.Path == "/held" ? release.Task : Task.CompletedTask);
        LabPod client = await Lab.PodAsync(clientName);
        var target = new IPEndPoint(IPAddress.Parse(await Lab.AddressAsync(Service)), 80);
        var connections = new List<Socket>();
        try
        {
            for (int i = 0; i < 2 * Count; i++)
            {
                connections.Add(await client.ConnectAsync(target));
                Assert.StartsWith("HTTP/1.1 200 ", await connections[i].AskAsync("/"), StringComparison.Ordinal);
            }

            List<Socket> held = connections[..Count];
            List<Socket> idle = connections[Count..];
            await Task.WhenAll(held.Select(connection => connection.BeginAsync("/held")));
            await Eventually.TrueAsync(() => server.Requests == 3 * Count, s_promptly * 6, "the requests are under way");
            bool isNear = proxy.StartsWith(client.Node, StringComparison.Ordinal);
            Task stopping = await BeginDrainAsync(proxy, isNear ? clientName : $"mesh/{Service}");
            if (isNear)
            {
                // An end and no reset: a client that asks again at that moment may do so on another.
                Assert.All(await EndsOfAsync(idle), end => Assert.Equal(ConnectionEnd.Ended, end));
            }

            release.SetResult();
            string[] answers = await Task.WhenAll(held.Select(connection => connection.HeadAsync()));
            Assert.All(answers, answer => Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal));
            if (isNear)
            {
                Assert.All(await EndsOfAsync(held), end => Assert.Equal(ConnectionEnd.Ended, end));
            }

            await AssertEndsAsync(proxy, stopping);
        }
        finally
        {
            release.TrySetResult();
            connections.ForEach(connection => connection.Dispose());
        }
    }

    [LabTheory]
    [InlineData("mesh/client-1", "InboundHbone")]
    [InlineData("mesh/client-2", "SameNode")]
    [InlineData("outside/client-1", "InboundPlaintext")]
    public async Task A_policy_that_comes_during_the_drain_still_closes_what_it_denies(string clientName, string path)
    {
        LabPod client = await Lab.PodAsync(clientName);
        using Rendezvous meeting = await Rendezvous.OpenAsync(await Lab.PodAsync("mesh/server-2"), Port);
        using ConnectedPair pair = await meeting.JoinAsync(client);
        Task stopping = await BeginDrainAsync("node-2/proxy", "mesh/server-2");

        await ApplyAsync(
            $$$"""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: during-drain, namespace: mesh}
            spec:
              selector: {matchLabels: {app: server-2}}
              action: DENY
              rules: [{to: [{operation: {ports: ["{{{Port}}}"]}}]}]
            """);

        Assert.Equal(ConnectionEnd.Reset, await pair.Near.WaitForEndAsync(s_promptly));
        Assert.Equal(ConnectionEnd.Reset, await pair.Far.WaitForEndAsync(s_promptly));
        AccessLogLine line = await Fixture.AccessLineAsync(
            "node-2", line => line.Path == path && line.CloseReason == "PolicyRevoked" && line.DestinationWorkload == "server-2");
        Assert.Contains("mesh/during-drain", line.Detail, StringComparison.Ordinal);
        await AssertEndsAsync("node-2/proxy", stopping);
    }

    [LabFact]
    public async Task A_certificate_revoked_during_the_drain_still_ends_what_it_vouched_for()
    {
        LabPod client = await AddPodAsync("mesh/revoked-in-drain", account: "revoked-in-drain");
        using Rendezvous meeting = await Rendezvous.OpenAsync(await Lab.PodAsync("mesh/server-2"), Port);
        using ConnectedPair pair = await meeting.JoinAsync(client);
        Task stopping = await BeginDrainAsync("node-2/proxy", "mesh/server-2");

        await Lab.ControlAsync("ca", "revoke", "--identity", "spiffe://cluster.local/ns/mesh/sa/revoked-in-drain");

        Assert.Equal(ConnectionEnd.Reset, await pair.Far.WaitForEndAsync(s_promptly));
        await Fixture.AccessLineAsync(
            "node-2", line => line is { Path: "InboundHbone", CloseReason: "PeerCertificateRevoked", SourceWorkload: "revoked-in-drain" });
        await AssertEndsAsync("node-2/proxy", stopping);
    }

    /// <summary>
    /// What becomes of a connection that is opened during a drain. Over a tunnel it may be taken until the near proxy has heard GOAWAY, and
    /// then has no answer, as nobody takes it at the server; under iptables its opening packet may be dropped before the rules refuse it,
    /// and is repeated after a second. So it is tried more than once.
    /// </summary>
    private static async Task<Outcome> NewcomerAsync(LabPod client, IPEndPoint target)
    {
        const int AttemptsMax = 3;
        Outcome outcome = Outcome.Silent;
        for (int attempt = 0; attempt < AttemptsMax && outcome == Outcome.Silent; attempt++)
        {
            outcome = await Attempt.AnEchoAsync(client, target, TimeSpan.FromSeconds(2));
        }

        return outcome;
    }

    /// <summary>Asks a proxy to end; returns once it takes nothing new.</summary>
    /// <param name="proxy">NODE/proxy.</param>
    /// <param name="captured">A pod it serves.</param>
    /// <returns>Done when its process has ended.</returns>
    private async Task<Task> BeginDrainAsync(string proxy, string captured)
    {
        _stopping = Lab.StopAsync(proxy);
        LabPod pod = await Lab.PodAsync(captured);
        await Eventually.TrueAsync(async () => !await pod.IsListeningAsync(CapturePort), s_promptly, "nothing new is accepted");
        return _stopping;
    }

    private static Task<ConnectionEnd[]> EndsOfAsync(IEnumerable<Socket> connections) =>
        Task.WhenAll(connections.Select(connection => connection.WaitForEndAsync(s_promptly * 6)));

    private async Task AssertEndsAsync(string proxy, Task stopping)
    {
        await stopping;
        ComponentStatus status = (await Lab.StatusAsync()).Components.Single(component => component.Name == proxy);
        Assert.Equal(("ended", 0), (status.State, status.ExitCode));
    }
}
