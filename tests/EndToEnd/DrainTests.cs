using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>A proxy that is asked to end. Goal: what is under way is finished, and only then the process ends.</summary>
[Collection(nameof(TproxyGroup))]
public sealed class DrainTests(TproxyLab fixture) : IAsyncLifetime
{
    private const int Port = 8080;
    private const ushort CapturePort = 15001;

    private static readonly TimeSpan s_promptly = TimeSpan.FromSeconds(5);

    private readonly MeshLab _lab = fixture.Lab;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _lab.StartAsync("node-1/proxy");
        await _lab.StartAsync("node-2/proxy");
        await fixture.ReadyAsync();
    }

    [LabTheory]
    [InlineData("mesh/client-1", "node-1/proxy")]
    [InlineData("mesh/client-1", "node-2/proxy")]
    [InlineData("mesh/client-2", "node-2/proxy")]
    [InlineData("outside/client-1", "node-2/proxy")]
    public async Task A_transfer_under_way_is_finished_before_the_proxy_ends(string clientName, string proxy)
    {
        const long Bytes = 64L << 20;
        LabPod client = await _lab.PodAsync(clientName);
        using Rendezvous meeting = await Rendezvous.OpenAsync(await _lab.PodAsync("mesh/server-2"), Port);
        using ConnectedPair pair = await meeting.JoinAsync(client);
        Task<uint> sent = Pattern.SendAsync(pair.Near, Bytes, seed: 1);
        uint firstHalf = await Pattern.ReceiveAsync(pair.Far, Bytes / 2);

        Task stopping = _lab.StopAsync(proxy);
        LabPod captured = await _lab.PodAsync(proxy.StartsWith(client.Node, StringComparison.Ordinal) ? clientName : "mesh/server-2");
        await Eventually.TrueAsync(async () => !await captured.IsListeningAsync(CapturePort), s_promptly, "nothing new is accepted");

        // Under iptables an opening packet may be dropped before the rules refuse it, and is repeated after a second.
        Outcome newcomer = await Attempt.AnEchoAsync(client, meeting.EndPoint(), TimeSpan.FromSeconds(2));
        Assert.True(newcomer is Outcome.Refused or Outcome.Reset, newcomer.ToString());
        LabNode node = await _lab.NodeAsync(captured.Node);
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

        await stopping;
        ComponentStatus status = (await _lab.StatusAsync()).Components.Single(component => component.Name == proxy);
        Assert.Equal(("ended", 0), (status.State, status.ExitCode));
    }
}
