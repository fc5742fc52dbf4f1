using System.Net.Sockets;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: a new proxy takes over from an old one and no client notices. Method: two data planes of one node, one after the other, and
/// clients that dial all the time.
/// </summary>
public sealed class SuccessionTests
{
    private const int Port = 8080;
    private const int ConnectionCount = 2_000;
    private const int ClientCount = 16;

    [LabFact]
    public async Task Connections_dialled_while_a_proxy_gives_place_to_the_next_all_succeed()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);
        int begun = 0;
        int served = 0;
        Task[] clients = [.. Enumerable.Range(0, ClientCount).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref begun) <= ConnectionCount)
            {
                using Socket connection = await client.ConnectAsync(server.Address, Port);
                Assert.Equal("hello", await LabPod.AskAsync(connection, "hello"));
                Interlocked.Increment(ref served);
            }
        }))];

        NodeProxy previous = node.Proxy;
        for (int succession = 1; succession <= 4; succession++)
        {
            int next = succession * ConnectionCount / 5;
            await Eventually.TrueAsync(() => Volatile.Read(ref served) >= next || clients.Any(task => task.IsFaulted), LabNode.Patience);
            NodeProxy successor = node.CreateProxy(new ProxyOptions());
            Assert.Null(await LabNode.TakeOverAsync(successor, client));
            Assert.Null(await LabNode.TakeOverAsync(successor, server));
            await previous.DrainAsync(LabNode.Patience, TimeProvider.System);
            previous = successor;
        }

        await Task.WhenAll(clients).WaitAsync(LabNode.Patience);
        Assert.Equal(ConnectionCount, served);
    }
}
