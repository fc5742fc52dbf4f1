using System.Net;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Tests.Telemetry;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>
/// Goal: what a tunnel sends is what ztunnel sends and expects, to the byte where bytes are prescribed. Method: both ends of a tunnel
/// write, and what they wrote is read back without the product's reader and compared with the numbers and headers of ambient.
/// </summary>
public sealed class WireGoldenTests : IDisposable
{
    // Names of RFC 9113 §6.5.2 and §6.
    private const string EnablePush = "2";
    private const string MaxConcurrentStreams = "3";
    private const string InitialWindowSize = "4";
    private const string MaxFrameSize = "5";
    private const string MaxHeaderListSize = "6";
    private const byte EndHeaders = 0x4;

    /// <summary>What the connection's window of 16 MiB is more than the 65 535 bytes it begins with.</summary>
    private const uint WindowGrowthBytes = (16 * 1024 * 1024) - 65_535;

    private readonly EventLoop _loop = EventLoop.Start("tunnel", 0, new EventLoopOptions());

    public void Dispose() => _loop.Dispose();

    [Fact]
    public async Task A_client_opens_as_ztunnel_does()
    {
        EnginePeer peer = await BeginAsync(Http2Role.Client, (_, _) => { });

        List<WireFrame> frames = await FramesAsync(peer, isFromClient: true, count: 2);

        AssertSettings(
            frames[0],
            [$"{EnablePush}=0", $"{InitialWindowSize}=262144", $"{MaxFrameSize}=1048576", $"{MaxHeaderListSize}=16384"]);
        AssertWindowUpdate(frames[1]);
    }

    [Fact]
    public async Task A_server_opens_as_ztunnel_does()
    {
        EnginePeer peer = await BeginAsync(Http2Role.Server, (_, _) => { });

        List<WireFrame> frames = await FramesAsync(peer, isFromClient: false, count: 2);

        AssertSettings(
            frames[0],
            [$"{MaxConcurrentStreams}=200", $"{InitialWindowSize}=262144", $"{MaxFrameSize}=1048576", $"{MaxHeaderListSize}=65536"]);
        AssertWindowUpdate(frames[1]);
    }

    [Theory]
    [InlineData("10.2.0.7:8080", "10.1.0.5:40000", "10.2.0.7:8080", "for=\"10.1.0.5:40000\"")]
    [InlineData("[fd00::7]:8080", "[fd00::5]:40000", "[fd00::7]:8080", "for=\"[fd00::5]:40000\"")]
    public async Task A_connect_has_ztunnels_headers_and_no_others(string target, string client, string authority, string forwarded)
    {
        EnginePeer peer = await BeginAsync(Http2Role.Client, (tunnel, _) => Assert.NotNull(tunnel.TryOpenStream(
            ConnectRequest.Write(new HeaderList(), IPEndPoint.Parse(target), IPEndPoint.Parse(client), TestMesh.Cart, TestMesh.StockService),
            new ConnectResponse(_loop))));

        WireFrame connect = (await FramesAsync(peer, isFromClient: true, WireFrame.Headers, count: 1))[0];

        Assert.Equal((EndHeaders, 1), (connect.Flags, connect.StreamId));
        List<string> fields = connect.ReadFields();
        Assert.Equal(
            [
                ":method: CONNECT",
                $":authority: {authority}",
                "baggage: k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=cart,service.name=cart,service.version=v1,"
                    + "cloud.region=north,cloud.availability_zone=north-1",
                $"forwarded: {forwarded};host=stock.shop.svc.cluster.local (never indexed)",
            ],
            fields[..^1]);
        Assert.Matches("^traceparent: 00-[0-9a-f]{32}-[0-9a-f]{16}-00 \\(never indexed\\)$", fields[^1]);
    }

    [Fact]
    public async Task A_connect_that_names_no_service_has_no_host()
    {
        EnginePeer peer = await BeginAsync(Http2Role.Client, (tunnel, _) => Assert.NotNull(tunnel.TryOpenStream(
            ConnectRequest.Write(
                new HeaderList(), IPEndPoint.Parse("10.2.0.7:8080"), IPEndPoint.Parse("10.1.0.5:40000"), TestMesh.Cart, service: null),
            new ConnectResponse(_loop))));

        WireFrame connect = (await FramesAsync(peer, isFromClient: true, WireFrame.Headers, count: 1))[0];

        Assert.Contains("forwarded: for=\"10.1.0.5:40000\" (never indexed)", connect.ReadFields());
    }

    [Theory]
    [InlineData(200, ":status: 200")]
    [InlineData(400, ":status: 400")]
    [InlineData(401, ":status: 401")]
    [InlineData(503, ":status: 503")]
    public async Task An_answer_says_who_answers_where_the_connection_is_carried(int status, string first)
    {
        bool isOk = status == 200;
        EnginePeer peer = await BeginAsync(Http2Role.Server, (tunnel, owner) => owner.Respond = stream =>
        {
            var headers = new HeaderList();
            ConnectResponseHeaders.Write(headers, status, isOk ? TestMesh.Stock : null);
            stream.Respond(headers, endStream: !isOk);
        });
        await TunnelPair.OnLoopAsync(_loop, () =>
        {
            var request = ConnectRequest.Write(
                new HeaderList(), IPEndPoint.Parse("10.2.0.7:8080"), IPEndPoint.Parse("10.1.0.5:40000"), TestMesh.Cart, service: null);
            Assert.True(peer.Engine.TryOpenStream(request, endStream: false, tag: null, out _));
            peer.Announce();
            return 0;
        });

        WireFrame answer = (await FramesAsync(peer, isFromClient: false, WireFrame.Headers, count: 1))[0];

        const byte EndStream = 0x1;
        Assert.Equal(((byte)(isOk ? EndHeaders : EndHeaders | EndStream), 1), (answer.Flags, answer.StreamId));
        Assert.Equal(
            isOk
                ? [
                    first,
                    "baggage: k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=stock,service.name=stock,"
                        + "service.version=v2,cloud.region=north,cloud.availability_zone=north-1",
                ]
                : [first],
            answer.ReadFields());
    }

    private static void AssertSettings(WireFrame frame, string[] settings)
    {
        Assert.Equal((WireFrame.Settings, 0, 0), (frame.Type, frame.Flags, frame.StreamId));
        Assert.Equal(settings, frame.ReadSettings());
    }

    private static void AssertWindowUpdate(WireFrame frame)
    {
        Assert.Equal((WireFrame.WindowUpdate, 0, 0), (frame.Type, frame.Flags, frame.StreamId));
        Assert.Equal(WindowGrowthBytes, frame.ReadIncrement());
    }

    /// <summary>A tunnel of the shipped numbers in a role, with the engine as the other end.</summary>
    private Task<EnginePeer> BeginAsync(Http2Role role, Action<TunnelConnection, Owner> begin) => TunnelPair.OnLoopAsync(_loop, () =>
    {
        bool isClient = role == Http2Role.Client;
        var peer = new EnginePeer(_loop, isClient ? Http2Role.Server : Http2Role.Client);
        var owner = new Owner();
        TunnelConnection tunnel = TunnelConnection.Start(
            peer, role, isClient ? Http2Profiles.Client : Http2Profiles.Server, Http2Profiles.Tunnel(new ProxyOptions()), owner);
        begin(tunnel, owner);
        return peer;
    });

    private Task<List<WireFrame>> FramesAsync(EnginePeer peer, bool isFromClient, int count) =>
        FramesAsync(peer, isFromClient, type: null, count);

    private async Task<List<WireFrame>> FramesAsync(EnginePeer peer, bool isFromClient, byte? type, int count)
    {
        List<WireFrame> frames = [];
        await Eventually.TrueAsync(
            () => TunnelPair.OnLoopAsync(_loop, () =>
            {
                frames = peer.Written.Count == 0 ? [] : WireFrame.ReadAll([.. peer.Written], isFromClient);
                frames = [.. frames.Where(frame => type is null || frame.Type == type)];
                return frames.Count >= count;
            }),
            TunnelPair.Patience);
        return frames;
    }

    private sealed class Owner : QuietTunnelOwner
    {
        public Action<TunnelStream>? Respond { get; set; }

        public override void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream)
        {
            base.OnStreamOpened(tunnel, stream, headers, endStream);
            Respond?.Invoke(stream);
        }
    }
}
