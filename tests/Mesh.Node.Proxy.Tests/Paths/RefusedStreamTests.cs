using System.Net;
using System.Net.Sockets;
using Mesh.Api.Identity;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: a stream the far proxy did nothing about, or cannot know of, is tried once more, elsewhere where that can be, and the application
/// never knows. Method: a far proxy that the test plays, or a pod at its limit, and the log.
/// </summary>
public sealed class RefusedStreamTests
{
    private const int Port = 8080;

    private static readonly IPAddress s_far = IPAddress.Parse("10.77.0.1");

    [LabFact]
    public Task A_refused_stream_is_tried_once_more() => AssertTriedOnceMoreAsync(
        static (session, stream) => session.Http2.ResetStream(stream, Http2ErrorCode.RefusedStream), tunnels: 1);

    // GOAWAY with 0 as the last stream: the engine would not say that of one it has begun.
    [LabFact]
    public Task A_stream_that_a_going_tunnel_does_not_serve_is_tried_on_the_next() => AssertTriedOnceMoreAsync(
        static (session, _) => session.SendRaw([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), tunnels: 2);

    [LabFact]
    public async Task A_stream_that_is_refused_again_ends_by_name()
    {
        await using LabNode node = await LabNode.StartAsync();
        using RawServer server = await RawServer.StartAsync(
            node, s_far, "far", static (session, stream, _) => session.Http2.ResetStream(stream, Http2ErrorCode.RefusedStream));
        LabPod client = await AddClientAsync(node);

        using Socket connection = await client.ConnectAsync(s_far, Port);
        await Assert.ThrowsAsync<SocketException>(() => LabPod.AskAsync(connection, "hello"));
        await node.WaitForLineAsync("path=Outbound", "close_reason=StreamLimit", "again when it was tried anew");
        Assert.Equal((1, 2), (server.TunnelCount, server.StreamCount));
    }

    [LabFact]
    public async Task A_stream_whose_tunnel_broke_before_it_was_sent_is_tried_on_another()
    {
        var firstTunnel = new TaskCompletionSource<RawServer.Session>();
        await using LabNode node = await LabNode.StartAsync();
        using RawServer server = await RawServer.StartAsync(node, s_far, "far", (session, stream, _) =>
        {
            firstTunnel.TrySetResult(session);
            RawServer.Serve(session, stream);
        });
        LabPod client = await AddClientAsync(node);
        using Socket first = await client.ConnectAsync(s_far, Port);
        Assert.Equal("hello", await LabPod.AskAsync(first, "hello"));
        RawServer.Session tunnel = await firstTunnel.Task;

        // The loop meets both in one turn: the connection, for which it opens a stream, and then the end of the tunnel it chose.
        Socket second;
        using (new StoppedLoops(node.Loops))
        {
            second = await client.ConnectAsync(s_far, Port);
            tunnel.Break();
            await Eventually.TrueAsync(
                async () => (await client.Network.ExecuteAsync($"ss -Htn state established dst {s_far}:{MeshPorts.Hbone}")).Length == 0,
                StoppedLoops.Limit);
        }

        using Socket owned = second;
        Assert.Equal("hello", await LabPod.AskAsync(second, "hello"));
        Assert.Equal((2, 2), (server.TunnelCount, server.StreamCount));
        await node.WaitForLineAsync("path=Outbound", "close_reason=TunnelLost");
        Assert.Equal(1, node.ClosedTotal(ConnectionPath.Outbound, CloseReason.TunnelLost));
    }

    [LabFact]
    public async Task A_stream_that_was_sent_ends_with_its_tunnel_and_is_not_tried_again()
    {
        await using LabNode node = await LabNode.StartAsync();
        using RawServer server = await RawServer.StartAsync(node, s_far, "far", static (session, _, _) => session.BreakOnceHeard());
        LabPod client = await AddClientAsync(node);

        using Socket connection = await client.ConnectAsync(s_far, Port);
        await Assert.ThrowsAsync<SocketException>(() => LabPod.AskAsync(connection, "hello"));
        await node.WaitForLineAsync("path=Outbound", "close_reason=TunnelLost");
        Assert.Equal((1, 1), (server.TunnelCount, server.StreamCount));
    }

    [LabFact]
    public async Task A_stream_that_one_endpoint_of_a_service_refuses_goes_to_another()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = SameNodeMode.Network, PodStreamsMax = 2 });
        LabPod client = await node.AddPodAsync("client");
        LabPod full = await node.AddPodAsync("full");
        LabPod free = await node.AddPodAsync("free");
        LabPod elsewhere = await node.AddPodAsync("elsewhere");
        full.Echo(Port);
        free.Echo(Port);
        elsewhere.Echo(Port);
        var service = new Service("shop", "shop.shop.svc.cluster.local")
        {
            Name = "shop",
            Addresses = [new NetworkPrefix("", IpPrefix.Parse("10.200.0.1"))],
            Ports = [new ServicePort(80, Port, PortProtocol.Detect)],
        };
        node.Configure(mesh =>
        {
            mesh.SetService(service);
            mesh.SetWorkload(full.Workload with { Services = [new ServiceMembership(service.Key, [])] });
            mesh.SetWorkload(free.Workload with { Services = [new ServiceMembership(service.Key, [])] });
        });

        // What it has open it opened itself, which says nothing to whoever chooses an endpoint.
        using Socket one = await full.ConnectAsync(elsewhere.Address, Port);
        using Socket two = await full.ConnectAsync(elsewhere.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(one, "hello"));
        Assert.Equal("hello", await LabPod.AskAsync(two, "hello"));
        await Eventually.TrueAsync(
            async () =>
            {
                // Half of them are sent to the full one first; each is answered.
                using Socket connection = await client.ConnectAsync(IPAddress.Parse("10.200.0.1"), 80);
                Assert.Equal("hello", await LabPod.AskAsync(connection, "hello"));
                return node.Log.Contains("shop/full has as many streams as it may", StringComparison.Ordinal);
            },
            LabNode.Patience);
        await node.WaitForLineAsync("path=Outbound", "close_reason=Completed", "dst.workload=\"free\"");
        Assert.DoesNotContain(node.Log.Split('\n'), line =>
            line.Contains("path=Outbound", StringComparison.Ordinal) && line.Contains("close_reason=StreamLimit", StringComparison.Ordinal));
    }

    private static async Task AssertTriedOnceMoreAsync(Action<RawServer.Session, Http2Stream> refuse, int tunnels)
    {
        await using LabNode node = await LabNode.StartAsync();
        using RawServer server = await RawServer.StartAsync(node, s_far, "far", (session, stream, number) =>
        {
            if (number == 1)
            {
                refuse(session, stream);
            }
            else
            {
                RawServer.Serve(session, stream);
            }
        });
        LabPod client = await AddClientAsync(node);

        using Socket connection = await client.ConnectAsync(s_far, Port);
        Assert.Equal("hello", await LabPod.AskAsync(connection, "hello"));
        Assert.Equal((tunnels, 2), (server.TunnelCount, server.StreamCount));
    }

    private static async Task<LabPod> AddClientAsync(LabNode node)
    {
        LabPod client = await node.AddPodAsync("client");
        node.Configure(mesh => mesh.SetWorkload(new Workload
        {
            Uid = "Kubernetes//Pod/shop/far",
            Name = "far",
            Namespace = "shop",
            Node = "node-2",
            Identity = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/far"),
            Addresses = [s_far],
            TunnelProtocol = TunnelProtocol.Hbone,
        }));
        return client;
    }
}
