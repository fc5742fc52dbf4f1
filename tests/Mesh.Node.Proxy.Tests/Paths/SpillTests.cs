using System.Net.Sockets;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// A pod is homed on one loop; while that loop is loaded, half of its new connections live on another, with all that belongs to them.
/// </summary>
public sealed class SpillTests
{
    private const int Port = 8080;
    private const int Connections = 20;

    [LabFact]
    public async Task Connections_of_a_pod_whose_home_is_loaded_live_on_both_loops_and_end_with_the_pod()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod server = await node.AddPodAsync("server");
        LabPod client = await node.AddPodAsync("client");
        server.Echo(Port);
        List<Socket> sockets = [];
        try
        {
            // While no loop is loaded, every connection stays at home.
            await Eventually.TrueAsync(() => node.Loops.All(loop => loop.BusyPermille < 300), LabNode.Patience);
            sockets.Add(await ConnectAndAskAsync(client, server));
            EventLoop home = node.Loops.Single(loop => loop.ConnectionCount > 0);
            EventLoop other = node.Loops.Single(loop => loop != home);
            Assert.Equal(0, home.SpilledCount);

            using (new BusyWork(home))
            {
                await Eventually.TrueAsync(() => home.BusyPermille > 900, LabNode.Patience);
                await Eventually.TrueAsync(
                    async () =>
                    {
                        sockets.Add(await ConnectAndAskAsync(client, server));
                        return sockets.Count >= Connections && home.SpilledCount > 0;
                    },
                    LabNode.Patience,
                    "twenty connections, some of them on the other loop");
                Assert.InRange(home.SpilledCount, 1, sockets.Count - 1);
                Assert.InRange(other.ConnectionCount, 1, 2 * sockets.Count);
            }

            // Both kinds still carry, and both end with the pod.
            foreach (Socket socket in sockets)
            {
                Assert.Equal("again", await LabPod.AskAsync(socket, "again"));
            }

            await node.Proxy.RemoveAsync(client.Workload.Name, CancellationToken.None);
            foreach (Socket socket in sockets)
            {
                SocketException reset = await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(socket, 1));
                Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
            }

            await Eventually.TrueAsync(() => node.Loops.All(loop => loop.ConnectionCount == 0), LabNode.Patience);
            await node.WaitForLineAsync("WorkloadRemoved");
        }
        finally
        {
            sockets.ForEach(static socket => socket.Dispose());
        }
    }

    private static async Task<Socket> ConnectAndAskAsync(LabPod client, LabPod server)
    {
        Socket socket = await client.ConnectAsync(server.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(socket, "hello"));
        return socket;
    }
}
