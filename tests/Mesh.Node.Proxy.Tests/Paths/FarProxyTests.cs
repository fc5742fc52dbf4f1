using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: whatever a far proxy answers instead of taking a connection has its name. Method: a far proxy that the test plays, and the log.
/// </summary>
public sealed class FarProxyTests
{
    private const int Port = 8080;

    private static readonly IPAddress s_far = IPAddress.Parse("10.77.0.1");

    [LabTheory]
    [InlineData(401, CloseReason.TunnelDenied)]
    [InlineData(400, CloseReason.TunnelBadRequest)]
    [InlineData(503, CloseReason.TunnelUnavailable)]
    [InlineData(418, CloseReason.TunnelUnexpectedStatus)]
    public async Task A_status_other_than_200_ends_the_connection_by_name(int status, CloseReason reason)
    {
        await using LabNode node = await LabNode.StartAsync();
        using RawServer server = await RawServer.StartAsync(node, s_far, "far", (session, stream, _) =>
        {
            var headers = new HeaderList();
            headers.Add(":status"u8, System.Text.Encoding.ASCII.GetBytes(status.ToString(CultureInfo.InvariantCulture)));
            session.Http2.SendHeaders(stream, headers, endStream: true);
        });
        await AssertEndsAsync(node, reason);
        Assert.Equal(1, server.StreamCount);
    }

    [LabFact]
    public async Task A_far_proxy_that_refuses_the_handshake_is_named_as_who_refused()
    {
        // The alert handshake_failure, as a server sends it that cannot agree on anything.
        byte[] alert = [21, 3, 3, 0, 2, 2, 40];
        await using LabNode node = await LabNode.StartAsync();
        using Socket listener = await ListenAsync(node);
        Task refusing = RefuseAsync();
        await AssertEndsAsync(node, CloseReason.RefusedByPeer);
        await refusing;

        async Task RefuseAsync()
        {
            using Socket socket = await listener.AcceptAsync();
            Assert.NotEqual(0, await socket.ReceiveAsync(new byte[4_096], SocketFlags.None));
            await socket.SendAsync(alert, SocketFlags.None);

            // Until the proxy has heard it and closed.
            while (await socket.ReceiveAsync(new byte[4_096], SocketFlags.None) != 0)
            {
            }
        }
    }

    [LabFact]
    public async Task A_far_proxy_that_says_nothing_in_its_handshake_is_given_up_in_time()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { HandshakeTimeoutMs = 200 });
        using Socket listener = await ListenAsync(node);
        await AssertEndsAsync(node, CloseReason.HandshakeTimeout);
    }

    private static async Task<Socket> ListenAsync(LabNode node)
    {
        await node.Host.ExecuteAsync($"ip addr add {s_far}/32 dev lo");
        Socket listener = node.Host.Network.Run(0, static _ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(s_far, MeshPorts.Hbone));
        listener.Listen(16);
        return listener;
    }

    /// <summary>Connects a pod to the far one and expects it to end so.</summary>
    private static async Task AssertEndsAsync(LabNode node, CloseReason reason)
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
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket connection = await client.ConnectAsync(s_far, Port);
            await LabPod.ReadAsync(connection, 1);
        });
        await node.WaitForLineAsync("path=Outbound", $"close_reason={reason}", "dst.workload=\"far\"");
        Assert.Equal(1, node.ClosedTotal(ConnectionPath.Outbound, reason));
    }
}
