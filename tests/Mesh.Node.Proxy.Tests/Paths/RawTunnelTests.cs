using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// What a pod's HBONE port makes of a peer that does as no proxy would. The peer is TLS of the class library and frames of the test.
/// </summary>
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

        // An application that takes connections, so that every stream stays open until the last has come.
        server.Listen(8080);
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
    public async Task A_request_that_is_refused_before_it_is_a_stream_is_in_the_log_and_counted()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod server = await node.AddPodAsync("server");
        using Socket socket = await LabPod.ConnectAsync(node.Host.Network, server.Address, MeshPorts.Hbone);
        await using SslStream tls = await RawTls.ConnectAsync(new NetworkStream(socket), node.Issue("visitor"));
        byte[] authority = Field(":authority", $"{server.Address}:8080");
        byte[] connect = Field(":method", "CONNECT");

        await tls.WriteAsync((byte[])[
            .. s_opening,
            .. Headers(1, connect),
            .. Headers(3, Field(":method", "GET"), authority),
            .. Headers(5, connect, authority, Field("Upper", "case")),
            .. Headers(7, connect, authority, Field("long", new string('x', 70_000))),
        ]);

        (CloseReason Reason, string Detail)[] refusals =
        [
            (CloseReason.AuthorityInvalid, "MissingPseudo"),
            (CloseReason.MethodRefused, "MissingPseudo"),
            (CloseReason.Http2ProtocolError, "BadName"),
            (CloseReason.Http2ProtocolError, "ListTooLarge"),
        ];
        foreach ((CloseReason reason, string detail) in refusals)
        {
            string line = await node.WaitForLineAsync("path=InboundHbone", $"close_reason={reason}", detail);
            Assert.Contains("/sa/visitor", line, StringComparison.Ordinal);
        }

        Assert.All(refusals.CountBy(refusal => refusal.Reason), of => Assert.Equal(of.Value, node.ClosedTotal(ConnectionPath.InboundHbone, of.Key)));
        Assert.Equal(refusals.Length, node.OpenedTotal(ConnectionPath.InboundHbone));
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

    [LabFact]
    public async Task A_peer_that_floods_its_tunnel_with_PINGs_is_cut_off_by_name()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod server = await node.AddPodAsync("server");
        using Socket socket = await LabPod.ConnectAsync(node.Host.Network, server.Address, MeshPorts.Hbone);
        await using SslStream tls = await RawTls.ConnectAsync(new NetworkStream(socket), node.Issue("visitor"));
        byte[] ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        await tls.WriteAsync((byte[])[.. s_opening, .. Enumerable.Repeat(ping, 2_000).SelectMany(one => one)]);
        string line = await node.WaitForLineAsync("path=InboundTunnel", $"close_reason={CloseReason.Http2FloodRefused}", "PingFlood");
        Assert.Contains("/sa/visitor", line, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task A_peer_that_never_begins_its_handshake_is_given_up_in_time()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { HandshakeTimeoutMs = 200 });
        LabPod server = await node.AddPodAsync("server");
        using Socket socket = await LabPod.ConnectAsync(node.Host.Network, server.Address, MeshPorts.Hbone);
        await node.WaitForLineAsync("path=InboundTunnel", $"close_reason={CloseReason.HandshakeTimeout}");
        await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(socket, 1));
    }

    private static async Task<bool> IsListeningAsync(LabPod pod) =>
        (await pod.Network.ExecuteAsync("ss -Hltn sport = :15008")).Contains("LISTEN", StringComparison.Ordinal);

    private static byte[] Connect(int index, IPAddress address) =>
        Headers((2 * index) + 1, Field(":method", "CONNECT"), Field(":authority", $"{address}:8080"));

    /// <summary>HEADERS with END_HEADERS.</summary>
    private static byte[] Headers(int streamId, params byte[][] fields)
    {
        byte[] block = [.. fields.SelectMany(field => field)];
        byte[] head = [(byte)(block.Length >> 16), (byte)(block.Length >> 8), (byte)block.Length, 1, 4, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(head.AsSpan(5), streamId);
        return [.. head, .. block];
    }

    /// <summary>A literal field that is not indexed.</summary>
    private static byte[] Field(string name, string value) => [0, .. Text(name), .. Text(value)];

    /// <summary>A string as it is, its length a number with a prefix of 7 bits (RFC 7541 §5).</summary>
    private static byte[] Text(string text)
    {
        const int PrefixMax = 127;
        List<byte> bytes = [(byte)Math.Min(text.Length, PrefixMax)];
        for (int left = text.Length - PrefixMax; left >= 0; left = left < 128 ? -1 : left >> 7)
        {
            bytes.Add((byte)(left < 128 ? left : (left & 127) | 128));
        }

        return [.. bytes, .. Encoding.ASCII.GetBytes(text)];
    }
}
