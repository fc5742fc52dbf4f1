using System.Net.Sockets;
using Mesh.Node.Proxy.Tests.Http;
using Mesh.Node.Transport.Buffers;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>What the readers of one pod leave lying is bounded, and whoever would exceed it is told by name.</summary>
public sealed class BufferLimitTests
{
    private const int Port = 8080;

    [LabFact]
    public async Task A_connection_whose_reader_stalls_is_reset_when_its_pod_may_hold_no_more()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { PodBufferBytesMax = 0, PodPipesMax = 0 });
        LabPod server = await node.AddPodAsync("server");
        LabPod client = await node.AddPodAsync("client");
        Socket listener = server.Listen(Port);
        using Socket sending = await client.ConnectAsync(server.Address, Port);
        using Socket stalled = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var limit = new CancellationTokenSource(LabNode.Patience);
            byte[] chunk = new byte[256 * 1024];
            while (true)
            {
                await sending.SendAsync(chunk, limit.Token);
            }
        });
        await node.WaitForLineAsync("BufferLimit", "client");
    }

    [LabFact]
    public async Task A_tunnelled_request_whose_application_does_not_read_it_is_ended_when_its_pod_may_hold_no_more()
    {
        await using HttpLab lab = await HttpLab.StartAsync(
            SameNodeMode.Network, new ProxyOptions { PodBufferBytesMax = 2 * BufferPool.BlockBytes });
        LabPod server = await lab.Node.AddPodAsync("server");
        using Socket listener = server.Listen(HttpLab.AppPort);
        HttpService service = lab.AddService("server", (server, []));
        using Socket sending = await lab.ConnectAsync(service);
        await sending.SendAsync("POST / HTTP/1.1\r\nhost: server\r\ncontent-length: 1000000000\r\n\r\n"u8.ToArray());
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var limit = new CancellationTokenSource(LabNode.Patience);
            byte[] chunk = new byte[256 * 1024];
            while (true)
            {
                await sending.SendAsync(chunk, limit.Token);
            }
        });
        await lab.Node.WaitForLineAsync("BufferLimit");
    }
}
