using System.Net;
using System.Net.Sockets;
using Mesh.Api.Identity;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: a tunnel is used as long as both its ends are what they were when it was made, and there are no more of them than needed. Method:
/// pods of a node that must talk over the network, a control plane that changes its mind, and what the client's end says of its tunnels.
/// </summary>
public sealed class TunnelPoolTests
{
    private const int Port = 8080;

    private static readonly ProxyOptions s_network = new() { SameNode = SameNodeMode.Network };

    [LabTheory]
    [InlineData("spiffe://cluster.local/ns/shop/sa/server-2", "spiffe://cluster.local/ns/shop/sa/other")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/server-2", "spiffe://cluster.local/ns/shop/sa/server")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/server-2", "spiffe://cluster.local/ns/shop/sa/server-22")]
    public async Task A_workload_that_changes_its_identity_loses_its_tunnels(string before, string after)
    {
        await using LabNode node = await LabNode.StartAsync(s_network);
        (LabPod client, LabPod server) = await TwoPodsAsync(node);
        Assert.Equal(before, server.Workload.Identity.ToString());
        using Socket open = await OpenAsync(client, server);

        node.Configure(mesh => mesh.SetWorkload(server.Workload with { Identity = SpiffeId.Parse(after) }));

        await AssertResetAsync(open);
        await node.WaitForLineAsync("path=Outbound", "close_reason=WorkloadChanged");
        await UntilTunnelsAsync(node, tunnels => tunnels.Count == 0);
    }

    [LabFact]
    public async Task A_workload_that_changes_its_address_loses_its_tunnels_and_gets_others()
    {
        await using LabNode node = await LabNode.StartAsync(s_network);
        (LabPod client, LabPod server) = await TwoPodsAsync(node);
        var moved = IPAddress.Parse("10.9.2.3");
        await server.Network.ExecuteAsync($"ip addr add {moved}/24 dev eth0");
        using Socket open = await OpenAsync(client, server);

        node.Configure(mesh => mesh.SetWorkload(server.Workload with { Addresses = [moved] }));

        await AssertResetAsync(open);
        await node.WaitForLineAsync("path=Outbound", "close_reason=WorkloadChanged");
        using Socket again = await client.ConnectAsync(moved, Port);
        Assert.Equal("hello", await LabPod.AskAsync(again, "hello"));
        await UntilTunnelsAsync(node, tunnels => tunnels is [{ Address: "10.9.2.3:15008", State: "open" }]);
    }

    [LabFact]
    public async Task What_is_open_to_a_workload_that_leaves_the_mesh_may_end_by_itself()
    {
        await using LabNode node = await LabNode.StartAsync(s_network);
        (LabPod client, LabPod server) = await TwoPodsAsync(node);
        Socket open = await OpenAsync(client, server);

        node.Configure(mesh => mesh.RemoveWorkload(server.Workload.Uid));
        await UntilTunnelsAsync(node, tunnels => tunnels is [{ State: "draining", Streams: 1 }]);
        Assert.Equal("still here", await LabPod.AskAsync(open, "still here"));

        open.Dispose();
        await UntilTunnelsAsync(node, tunnels => tunnels.Count == 0);
    }

    [LabFact]
    public async Task The_clients_end_releases_a_tunnel_that_nobody_uses_and_makes_another_when_somebody_does()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { TunnelIdleMs = 1, PingIntervalMs = 50 });
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server-2", node.CreateProxy(new ProxyOptions()));
        server.Echo(Port);
        using (Socket used = await OpenAsync(client, server))
        {
            // A stream is use, however silent.
            await UntilTunnelsAsync(node, tunnels => tunnels is [{ State: "open", Streams: 1 }]);
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, TestContext.Current.CancellationToken);
            Assert.Equal("still here", await LabPod.AskAsync(used, "still here"));
        }

        await UntilTunnelsAsync(node, tunnels => tunnels.Count == 0);
        await Eventually.TrueAsync(() => node.ClosedTotal(ConnectionPath.InboundTunnel, CloseReason.Completed) == 1, LabNode.Patience);
        using Socket again = await OpenAsync(client, server);
    }

    [LabFact]
    public async Task A_burst_at_a_cold_start_makes_as_many_tunnels_as_its_streams_need()
    {
        const int Connections = 250;
        const int StreamsPerTunnel = 100;
        await using LabNode node = await LabNode.StartAsync(s_network);
        (LabPod client, LabPod server) = await TwoPodsAsync(node);
        Socket[] sockets = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => OpenAsync(client, server)));
        try
        {
            IReadOnlyList<TunnelStatus> tunnels = ((ITunnelLister)node.Proxy).List();

            // A loop that is loaded may have sent some to the other, which has tunnels of its own.
            Assert.InRange(tunnels.Count, (Connections + StreamsPerTunnel - 1) / StreamsPerTunnel, (Connections / StreamsPerTunnel) + node.Loops.Count);
            Assert.Equal(Connections, tunnels.Sum(tunnel => tunnel.Streams));
            Assert.All(tunnels, tunnel => Assert.InRange(tunnel.Streams, 1, StreamsPerTunnel));
            Assert.Equal(tunnels.Count, node.OpenedTotal(ConnectionPath.InboundTunnel));
        }
        finally
        {
            Array.ForEach(sockets, socket => socket.Dispose());
        }
    }

    [LabFact]
    public async Task Who_waits_for_a_tunnel_that_fails_is_told_at_once_and_by_name()
    {
        const int Connections = 20;
        await using LabNode node = await LabNode.StartAsync(s_network);
        LabPod client = await node.AddPodAsync("client");

        // A workload nobody serves: its node refuses the connection.
        var nowhere = IPAddress.Parse("10.77.0.1");
        await node.Host.ExecuteAsync($"ip addr add {nowhere}/32 dev lo");
        node.Configure(mesh => mesh.SetWorkload(client.Workload with { Uid = "Kubernetes//Pod/shop/gone", Name = "gone", Addresses = [nowhere] }));
        await Task.WhenAll(Enumerable.Range(0, Connections).Select(async _ =>
        {
            // The reset may be there before the client knows that it is connected.
            SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
            {
                using Socket socket = await client.ConnectAsync(nowhere, Port);
                await LabPod.ReadAsync(socket, 1);
            });
            Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        }));

        await Eventually.TrueAsync(() => node.Log.Split("close_reason=TunnelConnectFailed").Length == Connections + 1, LabNode.Patience);
        await UntilTunnelsAsync(node, tunnels => tunnels.Count == 0);
    }

    [LabFact]
    public async Task A_fault_of_ours_while_a_tunnel_is_made_ends_who_waits_for_it_and_not_who_comes_later()
    {
        await using LabNode node = await LabNode.StartAsync(s_network);
        (LabPod client, LabPod server) = await TwoPodsAsync(node);
        node.CertificateFault = new InvalidOperationException("as a test wants it");
        SocketException reset = await Assert.ThrowsAsync<SocketException>(() => OpenAsync(client, server));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        await node.WaitForLineAsync("path=Outbound", "close_reason=InternalError", "as a test wants it");

        node.CertificateFault = null;
        using Socket open = await OpenAsync(client, server);
    }

    private static async Task<(LabPod Client, LabPod Server)> TwoPodsAsync(LabNode node)
    {
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server-2");
        server.Echo(Port);
        return (client, server);
    }

    private static async Task<Socket> OpenAsync(LabPod client, LabPod server)
    {
        Socket socket = await client.ConnectAsync(server.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(socket, "hello"));
        return socket;
    }

    private static async Task AssertResetAsync(Socket socket)
    {
        SocketException reset = await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(socket, 1));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    private static Task UntilTunnelsAsync(LabNode node, Func<IReadOnlyList<TunnelStatus>, bool> condition) =>
        Eventually.TrueAsync(() => condition(((ITunnelLister)node.Proxy).List()), LabNode.Patience);
}
