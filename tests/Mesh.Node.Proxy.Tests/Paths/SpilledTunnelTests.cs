using System.Net.Sockets;
using Mesh.Api.Identity;
using Mesh.Node.Model.Policies;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: tunnels live on the loop of the connections they carry, and whatever ends tunnels or connections reaches those of every loop.
/// Method: a pod whose home is loaded until it has a tunnel on both loops, and then each kind of end.
/// </summary>
public sealed class SpilledTunnelTests
{
    private const int Port = 8080;

    [LabFact]
    public async Task Each_loop_has_a_tunnel_of_its_own_and_no_more()
    {
        await using var pair = await SpilledPair.StartAsync();
        IReadOnlyList<TunnelStatus> tunnels = pair.Tunnels;
        Assert.Equal(2, tunnels.Count);
        Assert.All(tunnels, tunnel => Assert.Equal($"{pair.Server.Address}:15008", tunnel.Address));
        Assert.All(tunnels, tunnel => Assert.InRange(tunnel.Streams, 1, pair.Sockets.Count - 1));
        Assert.Equal(pair.Sockets.Count, tunnels.Sum(tunnel => tunnel.Streams));
        foreach (Socket socket in pair.Sockets)
        {
            Assert.Equal("again", await LabPod.AskAsync(socket, "again"));
        }
    }

    [LabFact]
    public async Task A_policy_that_denies_ends_the_connections_of_both()
    {
        await using var pair = await SpilledPair.StartAsync();
        pair.Node.Configure(mesh => mesh.SetPolicy(new AuthorizationPolicy("shop", "deny")
        {
            Action = PolicyAction.Deny,
            Scope = PolicyScope.Namespace,
            Rules = [new AuthorizationRule([])],
        }));
        await pair.AssertAllResetAsync("path=InboundHbone", "close_reason=PolicyRevoked");
    }

    [LabFact]
    public async Task A_workload_that_becomes_another_ends_the_tunnels_of_both()
    {
        await using var pair = await SpilledPair.StartAsync();
        pair.Node.Configure(mesh => mesh.SetWorkload(
            pair.Server.Workload with { Identity = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/another") }));
        await pair.AssertAllResetAsync("path=Outbound", "close_reason=WorkloadChanged");
        await Eventually.TrueAsync(() => pair.Tunnels.Count == 0, LabNode.Patience);
    }

    [LabFact]
    public async Task A_revoked_server_certificate_ends_the_tunnels_of_both()
    {
        await using var pair = await SpilledPair.StartAsync();
        pair.Node.Revoke(pair.Server.Workload.Identity);
        await pair.AssertAllResetAsync("path=Outbound", "close_reason=PeerCertificateRevoked");
        await Eventually.TrueAsync(() => pair.Tunnels.Count == 0, LabNode.Patience);
    }

    [LabFact]
    public async Task A_drain_asks_the_tunnels_of_both_to_go_and_lets_their_streams_end()
    {
        await using var pair = await SpilledPair.StartAsync();
        Task drained = pair.Node.Proxy.DrainAsync(2 * LabNode.Patience, TimeProvider.System);
        await Eventually.TrueAsync(() => pair.Tunnels.Count(tunnel => tunnel.State == "draining") == 2, LabNode.Patience);
        foreach (Socket socket in pair.Sockets)
        {
            Assert.Equal("still", await LabPod.AskAsync(socket, "still"));
            socket.Dispose();
        }

        await drained.WaitAsync(LabNode.Patience);
        await Eventually.TrueAsync(() => pair.Tunnels.Count == 0, LabNode.Patience);
        Assert.DoesNotContain("DrainTimeout", pair.Node.Log, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task What_does_not_end_by_the_drains_time_is_ended_on_both()
    {
        await using var pair = await SpilledPair.StartAsync();
        await pair.Node.Proxy.DrainAsync(TimeSpan.FromMilliseconds(200), TimeProvider.System);

        // Which end of a connection hears of it first is not said: both are in this process.
        await pair.AssertAllResetAsync();
        await pair.Node.WaitForLineAsync("close_reason=DrainTimeout");
    }

    /// <summary>Two pods of a node joined through the network, and open connections between them on tunnels of both loops.</summary>
    private sealed class SpilledPair : IAsyncDisposable
    {
        private SpilledPair(LabNode node, LabPod client, LabPod server) => (Node, Client, Server) = (node, client, server);

        public LabNode Node { get; }

        public LabPod Client { get; }

        public LabPod Server { get; }

        public List<Socket> Sockets { get; } = [];

        public IReadOnlyList<TunnelStatus> Tunnels => ((ITunnelLister)Node.Proxy).List();

        public static async Task<SpilledPair> StartAsync()
        {
            LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = SameNodeMode.Network });
            LabPod server = await node.AddPodAsync("server");
            var pair = new SpilledPair(node, await node.AddPodAsync("client"), server);
            server.Echo(Port);

            // Of the two loops either is the client's home: each is loaded in its turn until its connections go elsewhere.
            for (int turn = 0; pair.Tunnels.Count(tunnel => tunnel.Streams > 0) < 2; turn++)
            {
                EventLoop busy = node.Loops[turn % 2];
                using (new BusyWork(busy))
                {
                    await Eventually.TrueAsync(() => busy.BusyPermille > 900, LabNode.Patience);
                    for (int attempt = 0; attempt < 4; attempt++)
                    {
                        await pair.OpenAsync();
                    }
                }

                Assert.True(turn < 20, "No connection was placed on another loop.");
            }

            return pair;
        }

        public async Task AssertAllResetAsync(params string[] parts)
        {
            foreach (Socket socket in Sockets)
            {
                SocketException reset = await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(socket, 1));
                Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
            }

            if (parts.Length == 0)
            {
                return;
            }

            await Eventually.TrueAsync(
                () => Node.Log.Split('\n').Count(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))) == Sockets.Count,
                LabNode.Patience,
                $"{Sockets.Count} lines with {string.Join(" and ", parts)} in:\n{Node.Log}");
        }

        public async ValueTask DisposeAsync()
        {
            Sockets.ForEach(socket => socket.Dispose());
            await Node.DisposeAsync();
        }

        private async Task OpenAsync()
        {
            Socket socket = await Client.ConnectAsync(Server.Address, Port);
            Sockets.Add(socket);
            Assert.Equal("hello", await LabPod.AskAsync(socket, "hello"));
        }
    }
}
