using System.Net;
using System.Net.Sockets;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: no pod can take the node. Method: each limit set low, gone past, and what is refused found in the log by its name.
/// </summary>
public sealed class LimitTests
{
    private const int Port = 8080;

    [LabFact]
    public async Task A_pods_connections_are_limited_whoever_opens_them_and_others_are_not_concerned()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { PodConnectionsMax = 3 });
        (LabPod first, LabPod second, LabPod server) = await ThreePodsAsync(node);
        LabPod other = await node.AddPodAsync("other");
        other.Echo(Port);

        List<Socket> open = [await OpenAsync(first, server), await OpenAsync(first, server), await OpenAsync(second, server)];
        await AssertRefusedAsync(second, server.Address);
        await node.WaitForLineAsync("close_reason=WorkloadConnectionLimit", "shop/server has as many as it may");
        open.Add(await OpenAsync(first, other));
        await AssertRefusedAsync(first, other.Address);
        await node.WaitForLineAsync("close_reason=WorkloadConnectionLimit", "src.addr=10.9.1.2");
        open.Add(await OpenAsync(second, other));

        open.ForEach(connection => connection.Dispose());
        await Eventually.TrueAsync(() => node.Log.Split("close_reason=Completed").Length > open.Count, LabNode.Patience);
        using Socket again = await OpenAsync(second, server);
    }

    [LabFact]
    public async Task The_nodes_connections_are_limited()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { NodeConnectionsMax = 2 });
        (LabPod first, LabPod second, LabPod server) = await ThreePodsAsync(node);
        using Socket one = await OpenAsync(first, server);
        using Socket two = await OpenAsync(second, server);
        await AssertRefusedAsync(first, server.Address);
        await node.WaitForLineAsync("close_reason=NodeConnectionLimit");
    }

    [LabFact]
    public async Task Connections_that_wait_are_limited_by_themselves()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { PodPendingConnectsMax = 2 });
        (LabPod first, LabPod second, LabPod server) = await ThreePodsAsync(node);

        // Packets to this address are dropped, so that connects to it wait.
        await node.Host.ExecuteAsync("nft add table inet hole");
        await node.Host.ExecuteAsync("nft add chain inet hole way { type filter hook forward priority 0 ; }");
        await node.Host.ExecuteAsync("nft add rule inet hole way ip daddr 10.77.0.1 drop");
        await node.Host.ExecuteAsync("ip route add 10.77.0.0/24 dev pod3");
        var hole = IPAddress.Parse("10.77.0.1");
        using Socket one = await first.ConnectAsync(hole, Port);
        using Socket two = await first.ConnectAsync(hole, Port);
        await AssertRefusedAsync(first, hole);
        await node.WaitForLineAsync("close_reason=PendingConnectLimit", "src.addr=10.9.1.2");

        // Established ones do not count, and neither do another pod's.
        using Socket three = await OpenAsync(second, server);
        using Socket four = await OpenAsync(second, server);
        using Socket five = await OpenAsync(second, server);
    }

    [LabFact]
    public async Task A_pods_streams_are_limited_whoever_opens_them_and_the_client_can_read_why()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = SameNodeMode.Network, PodStreamsMax = 2 });
        (LabPod first, LabPod second, LabPod server) = await ThreePodsAsync(node);
        LabPod other = await node.AddPodAsync("other");
        other.Echo(Port);
        List<Socket> open = [await OpenAsync(first, server), await OpenAsync(second, server)];

        // The server's pod has as many as it may, and says so to the client's proxy.
        await AssertRefusedAsync(second, server.Address);
        await node.WaitForLineAsync("path=InboundHbone", "close_reason=StreamLimit", "shop/server has as many streams as it may");
        await node.WaitForLineAsync("path=Outbound", "close_reason=StreamLimit", "src.addr=10.9.2.2", "the far proxy refused");

        // The client's pod has as many as it may.
        open.Add(await OpenAsync(first, other));
        await AssertRefusedAsync(first, other.Address);
        await node.WaitForLineAsync("path=Outbound", "close_reason=StreamLimit", "shop/first has as many streams as it may");
        open.Add(await OpenAsync(second, other));

        open.ForEach(connection => connection.Dispose());
        await Eventually.TrueAsync(() => node.Log.Split("path=InboundHbone").Length > 5, LabNode.Patience);
        using Socket again = await OpenAsync(second, server);
    }

    [LabFact]
    public async Task Peers_that_begin_no_handshake_keep_nobody_from_other_pods()
    {
        const int Places = 8;
        await using LabNode node = await LabNode.StartAsync(
            new ProxyOptions { HandshakeTimeoutMs = 120_000, ConfigurationWaitMs = 120_000 }, new EventLoopOptions { HandshakesMax = Places });
        (LabPod first, LabPod second, LabPod server) = await ThreePodsAsync(node);
        List<Socket> silent = [];
        foreach (LabPod flooded in (LabPod[])[first, second])
        {
            for (int i = 0; i < 2 * Places; i++)
            {
                silent.Add(await LabPod.ConnectAsync(node.Host.Network, flooded.Address, MeshPorts.Hbone));
            }
        }

        // Two of the three pods are at home on the same loop.
        await Eventually.TrueAsync(() => node.Loops.Sum(loop => loop.Handshakes.Count) > Places / 2, LabNode.Patience);
        foreach (LabPod pod in (LabPod[])[server, first, second])
        {
            using Socket socket = await LabPod.ConnectAsync(node.Host.Network, pod.Address, MeshPorts.Hbone);
            await using System.Net.Security.SslStream tls = await RawTls.ConnectAsync(new NetworkStream(socket), node.Issue("visitor"));

            // Whoever waits behind the silent ones gets their places when they are gone.
            silent.ForEach(connection => connection.Dispose());
        }
    }

    [LabTheory]
    [InlineData(SameNodeMode.Direct)]
    [InlineData(SameNodeMode.Network)]
    public async Task A_connection_whose_other_direction_is_silent_is_reaped_once_one_has_ended(SameNodeMode mode)
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = mode, HalfOpenTimeoutMs = 200 });
        (LabPod client, LabPod _, LabPod server) = await ThreePodsAsync(node);
        Socket application = server.Listen(Port + 1);
        using Socket halfOpen = await client.ConnectAsync(server.Address, Port + 1);
        using Socket silent = await application.AcceptAsync().WaitAsync(LabNode.Patience);
        halfOpen.Shutdown(SocketShutdown.Send);
        await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(halfOpen, 1));
        await node.WaitForLineAsync("close_reason=HalfOpenTimeout");
    }

    [LabFact]
    public async Task Who_stops_acknowledging_is_given_up_by_name()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { UserTimeoutMs = 300 });
        LabPod client = await node.AddPodAsync("client");
        await node.Host.ExecuteAsync("ip addr add 10.77.0.1/32 dev lo");
        using Socket listener = node.Host.Network.Run(0, static _ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(IPAddress.Parse("10.77.0.1"), Port));
        listener.Listen(1);
        using Socket connection = await client.ConnectAsync(IPAddress.Parse("10.77.0.1"), Port);
        using Socket server = await listener.AcceptAsync().WaitAsync(LabNode.Patience);
        await server.SendAsync("x"u8.ToArray(), SocketFlags.None);
        Assert.Equal("x", await LabPod.ReadAsync(connection, 1));

        // From here on the server's packets and the client's are lost.
        await node.Host.ExecuteAsync("nft add table inet hole");
        await node.Host.ExecuteAsync("nft add chain inet hole way { type filter hook input priority 0 ; }");
        await node.Host.ExecuteAsync("nft add rule inet hole way ip daddr 10.77.0.1 drop");
        await Assert.ThrowsAsync<SocketException>(() => LabPod.AskAsync(connection, "hello"));
        await node.WaitForLineAsync("close_reason=UpstreamUnresponsive", "path=Passthrough");
    }

    [LabFact]
    public async Task A_client_that_stops_acknowledging_is_given_up_by_name()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { UserTimeoutMs = 300 });
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        Socket listener = server.Listen(Port);
        using Socket connection = await client.ConnectAsync(server.Address, Port);
        await connection.SendAsync("x"u8.ToArray(), SocketFlags.None);
        using Socket application = await listener.AcceptAsync().WaitAsync(LabNode.Patience);
        Assert.Equal("x", await LabPod.ReadAsync(application, 1));

        // From here on what the proxy sends the client is lost: between them there is only the pod's loopback.
        await client.Network.ExecuteAsync("nft add table inet hole");
        await client.Network.ExecuteAsync("nft add chain inet hole way { type filter hook input priority 0 ; }");
        await client.Network.ExecuteAsync($"nft add rule inet hole way iifname lo ip saddr {server.Address} drop");
        await Assert.ThrowsAsync<SocketException>(() => LabPod.AskAsync(application, "hello"));
        await node.WaitForLineAsync("close_reason=ClientUnresponsive", "path=SameNode");
    }

    private static async Task<(LabPod First, LabPod Second, LabPod Server)> ThreePodsAsync(LabNode node)
    {
        LabPod first = await node.AddPodAsync("first");
        LabPod second = await node.AddPodAsync("second");
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);
        return (first, second, server);
    }

    private static async Task<Socket> OpenAsync(LabPod from, LabPod to)
    {
        Socket socket = await from.ConnectAsync(to.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(socket, "hello"));
        return socket;
    }

    private static async Task AssertRefusedAsync(LabPod from, IPAddress to)
    {
        SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket socket = await from.ConnectAsync(to, Port);
            await LabPod.AskAsync(socket, "hello");
        });
        Assert.Contains(reset.SocketErrorCode, (SocketError[])[SocketError.ConnectionReset, SocketError.Shutdown]);
    }
}
