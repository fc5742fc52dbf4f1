using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>What a pod's HBONE port makes of a peer that does as no proxy would. The peer is TLS of the class library and frames of the test.</summary>
public sealed class RawTunnelTests
{
    private const int StreamsMax = 200;

    /// <summary>The preface, and SETTINGS without a setting.</summary>
    private static readonly byte[] s_opening = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    [LabFact]
    public async Task Streams_beyond_what_a_tunnel_takes_are_in_the_log()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod server = await node.AddPodAsync("server");
        using Socket socket = await LabPod.ConnectAsync(node.Host.Network, server.Address, MeshPorts.Hbone);
        await using SslStream tls = await RawTls.ConnectAsync(new NetworkStream(socket), node.Issue("visitor"));

        // All at once, before the limit can be known.
        await tls.WriteAsync((byte[])[.. s_opening, .. Enumerable.Range(0, StreamsMax + 2).SelectMany(index => Connect(index, server.Address))]);
        string line = await node.WaitForLineAsync("path=InboundHbone", "close_reason=StreamLimit", $"{StreamsMax} streams are open on the tunnel");
        Assert.Contains("/sa/visitor", line, StringComparison.Ordinal);
        await Eventually.TrueAsync(
            () => node.Log.Split('\n').Count(logged => logged.Contains("close_reason=StreamLimit", StringComparison.Ordinal)) == 2,
            LabNode.Patience);
    }

    [LabFact]
    public async Task A_tunnel_that_is_in_its_handshake_when_the_drain_begins_is_told_to_go_once_it_can_be()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod server = await node.AddPodAsync("server");
        using Socket socket = await LabPod.ConnectAsync(node.Host.Network, server.Address, MeshPorts.Hbone);
        await Eventually.TrueAsync(() => node.Loops.Any(loop => loop.Handshakes.Count > 0), LabNode.Patience);
        Task drained = node.Proxy.DrainAsync(2 * LabNode.Patience, TimeProvider.System);
        await Eventually.TrueAsync(async () => !await IsListeningAsync(server), LabNode.Patience);

        await using SslStream tls = await RawTls.ConnectAsync(new NetworkStream(socket), node.Issue("visitor"));
        await tls.WriteAsync(s_opening);
        await drained.WaitAsync(LabNode.Patience);
        Assert.DoesNotContain("close_reason=", node.Log, StringComparison.Ordinal);
    }

    private static async Task<bool> IsListeningAsync(LabPod pod) =>
        (await pod.Network.ExecuteAsync("ss -Hltn sport = :15008")).Contains("LISTEN", StringComparison.Ordinal);

    /// <summary>HEADERS with END_HEADERS: method and authority by their static names, unindexed.</summary>
    private static byte[] Connect(int index, IPAddress address)
    {
        byte[] authority = Encoding.ASCII.GetBytes($"{address}:8080");
        byte[] block = [2, 7, .. "CONNECT"u8, 1, (byte)authority.Length, .. authority];
        byte[] head = [0, 0, (byte)block.Length, 1, 4, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(5), (2 * index) + 1);
        return [.. head, .. block];
    }
}
