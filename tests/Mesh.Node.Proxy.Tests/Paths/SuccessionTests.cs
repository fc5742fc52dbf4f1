using System.Net.Sockets;
using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Tests.Succession;
using Mesh.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: a new proxy takes over from an old one and no client notices. Method: data planes of one node, one after the other, and clients
/// that dial all the time; once with the kernel moving what waits, once with listeners passed by descriptor and the kernel's help turned
/// off.
/// </summary>
/// <remarks>
/// Passed by descriptor, nothing is lost. The kernel moves what waits in a queue when a listener closes, and not what enters the queue in
/// that very moment: seen once in some hundred successions on a busy machine.
/// </remarks>
public sealed class SuccessionTests
{
    private const int Port = 8080;
    private const int ConnectionCount = 2_000;
    private const int ClientCount = 16;
    private const int SuccessionCount = 4;

    [LabTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connections_dialled_while_a_proxy_gives_place_to_the_next_succeed(bool passesListeners)
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);
        if (passesListeners)
        {
            await client.Network.ExecuteAsync("sysctl -q -w net.ipv4.tcp_migrate_req=0");
            await server.Network.ExecuteAsync("sysctl -q -w net.ipv4.tcp_migrate_req=0");
        }

        int begun = 0;
        int served = 0;
        int lost = 0;
        Task[] clients = [.. Enumerable.Range(0, ClientCount).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref begun) <= ConnectionCount)
            {
                try
                {
                    using Socket connection = await client.ConnectAsync(server.Address, Port);
                    Assert.Equal("hello", await LabPod.AskAsync(connection, "hello"));
                    Interlocked.Increment(ref served);
                }
                catch (SocketException reset) when (!passesListeners && reset.SocketErrorCode == SocketError.ConnectionReset)
                {
                    Interlocked.Increment(ref lost);
                }
            }
        }))];

        string path = Path.Combine(Path.GetTempPath(), $"mesh-listeners-{Guid.NewGuid():N}");
        NodeProxy previous = node.Proxy;
        for (int succession = 1; succession <= SuccessionCount; succession++)
        {
            int next = succession * ConnectionCount / (SuccessionCount + 1);
            await Eventually.TrueAsync(() => Volatile.Read(ref served) >= next || clients.Any(task => task.IsFaulted), LabNode.Patience);
            using (var giver = new ListenerGiver(path, previous.ListenersOf, new LentPorts(), NullLogger.Instance))
            {
                await Eventually.TrueAsync(() => File.Exists(path), LabNode.Patience);
                NodeProxy successor = node.CreateProxy(
                    new ProxyOptions(), passesListeners ? new Insisting(new ListenerTaker(path, NullLogger.Instance)) : null);
                Assert.Null(await LabNode.TakeOverAsync(successor, client));
                Assert.Null(await LabNode.TakeOverAsync(successor, server));
                Assert.Equal(passesListeners ? 1 : 2, await ListenerCountAsync(client));
                await previous.DrainAsync(LabNode.Patience, TimeProvider.System);
                previous = successor;
            }

            File.Delete(path);
        }

        try
        {
            await Task.WhenAll(clients).WaitAsync(LabNode.Patience);
        }
        catch (SocketException failed)
        {
            IEnumerable<string> lines = node.Log.Split('\n').Where(line => !line.Contains("close_reason=Completed", StringComparison.Ordinal));
            Assert.Fail($"{failed.Message}: after {served}:\n{string.Join('\n', lines)}");
        }

        // One for each succession would be far more than was ever seen.
        Assert.InRange(lost, 0, SuccessionCount);
        Assert.Equal(ConnectionCount, served + lost);
    }

    [LabFact]
    public async Task Listeners_are_given_for_the_namespace_that_is_asked_for_and_no_other()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod pod = await node.AddPodAsync("cart");
        string path = Path.Combine(Path.GetTempPath(), $"mesh-listeners-{Guid.NewGuid():N}");
        using (var giver = new ListenerGiver(path, node.Proxy.ListenersOf, new LentPorts(), NullLogger.Instance))
        {
            await Eventually.TrueAsync(() => File.Exists(path), LabNode.Patience);
            var taker = new ListenerTaker(path, NullLogger.Instance);

            // All or nothing; nothing, too, when a busy machine keeps the giver from answering in time.
            IReadOnlyList<PodListener> taken = [];
            await Eventually.TrueAsync(() => (taken = taker.Take(pod.Network.Network.Id)).Count > 0, LabNode.Patience);
            Assert.Equal(8, taken.Count);
            Assert.Empty(taker.Take(node.Host.Network.Id));
            Assert.Equal(
                [MeshPorts.Outbound, MeshPorts.InboundPlaintext, MeshPorts.Hbone, MeshPorts.Dns],
                taken.Select(listener => listener.Port).Distinct());
            Assert.All(taken, listener => listener.Socket.Dispose());

            await node.Proxy.RemoveAsync(pod.Workload.Name, CancellationToken.None);
            Assert.Empty(taker.Take(pod.Network.Network.Id));
        }

        File.Delete(path);
    }

    /// <summary>Listening sockets on the outbound port, IPv4.</summary>
    private static async Task<int> ListenerCountAsync(LabPod pod) =>
        (await pod.Network.ExecuteAsync("ss -4Hltn sport = :15001")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length;
}
