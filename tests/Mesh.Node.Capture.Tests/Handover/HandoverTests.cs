using System.Diagnostics;
using System.Globalization;
using System.Net;
using Google.Protobuf;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using Xunit;
using Wire = Mesh.Api.Handover;

namespace Mesh.Node.Capture.Tests.Handover;

/// <summary>
/// Goal: agent and proxy agree on who is served, through restarts of either and whatever the other end sends. Method: both ends over a
/// real socket, and each against a raw one.
/// </summary>
public sealed class HandoverTests : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("mesh-handover-").FullName;
    private readonly NetNamespace _network = NetNamespace.OpenCurrent();
    private readonly List<(CancellationTokenSource Stop, Task Running)> _parts = [];
    private readonly List<IDisposable> _owned = [];

    private HandoverOptions Options => new() { SocketPath = Path.Combine(_directory, "s") };

    [Fact]
    public async Task A_proxy_is_told_of_every_pod_and_then_of_changes()
    {
        HandoverServer server = StartServer();
        server.Offer(Pod("a"));
        server.Offer(new PodOffer(Pod("k").Pod, null));
        (HandoverClient client, RecordingSink sink, _) = StartClient();

        await Wait.UntilAsync(() => client.NotReadyReason is null, "the snapshot is complete");
        Assert.Equal(["add a", "complete a,k"], sink.Calls);
        Assert.Equal(_network.Id, sink.Served["a"].Network.Id);
        Assert.Equal(CaptureMode.Tproxy, sink.Served["a"].Details.CaptureMode);

        server.Offer(Pod("b"));
        await Wait.UntilAsync(() => server.ServingOf("b").IsServed, "b is served");
        await server.WithdrawAsync("a");
        Assert.Equal(["add a", "complete a,k", "add b", "remove a"], sink.Calls);
        Assert.False(server.ServingOf("a").IsServed);
    }

    [Fact]
    public async Task What_a_proxy_cannot_serve_is_asked_for_again_until_it_can()
    {
        HandoverServer server = StartServer();
        (HandoverClient client, RecordingSink sink, _) = StartClient();
        bool isReady = false;
        sink.Obstacle = _ => isReady ? null : "no listeners yet";
        server.Offer(Pod("a"));

        await Wait.UntilAsync(() => server.ServingOf("a").Error == "no listeners yet", "the reason arrives");
        await Wait.UntilAsync(
            () => client.NotReadyReason?.Contains("cannot be served", StringComparison.Ordinal) == true, "the client says so too");
        isReady = true;
        await Wait.UntilAsync(() => server.ServingOf("a").IsServed, "a is served");
        await Wait.UntilAsync(() => client.NotReadyReason is null, "the client is ready");
    }

    [Fact]
    public async Task A_pod_that_is_not_named_again_after_a_reconnect_is_removed_and_others_are_not_touched()
    {
        HandoverServer first = StartServer();
        first.Offer(Pod("a"));
        first.Offer(Pod("b"));
        (HandoverClient client, RecordingSink sink, _) = StartClient();
        await Wait.UntilAsync(() => client.NotReadyReason is null, "the snapshot is complete");
        await StopAsync(0);
        await Wait.UntilAsync(() => client.NotReadyReason is not null, "the end of the agent is noticed");
        Assert.Equal(2, sink.Served.Count);

        sink.Calls.Clear();
        StartServer(Pod("b"), Pod("c"));
        await Wait.UntilAsync(() => client.NotReadyReason is null, "the client is connected again");
        Assert.Equal(["add b", "add c", "remove a", "complete b,c"], sink.Calls);
    }

    [LabFact]
    public async Task The_same_pod_in_another_namespace_replaces_the_one_before()
    {
        HandoverServer server = StartServer();
        server.Offer(Pod("a"));
        (HandoverClient client, RecordingSink sink, _) = StartClient();
        await Wait.UntilAsync(() => client.NotReadyReason is null, "the snapshot is complete");

        using NetNamespace other = NetNamespace.Create();
        server.Offer(Pod("a") with { Network = other });
        await Wait.UntilAsync(
            () => sink.Served.TryGetValue("a", out PodHandover? pod) && pod.Network.Id == other.Id, "the new one is served");
        Assert.Equal(["add a", "complete a", "remove a", "add a"], sink.Calls);
    }

    [Fact]
    public async Task Pods_go_to_the_newest_proxy_and_removals_to_all()
    {
        HandoverServer server = StartServer();
        server.Offer(Pod("a"));
        (HandoverClient old, RecordingSink oldSink, _) = StartClient();
        await Wait.UntilAsync(() => old.NotReadyReason is null, "the old proxy is ready");
        (HandoverClient young, RecordingSink youngSink, int youngPart) = StartClient();
        await Wait.UntilAsync(() => young.NotReadyReason is null, "the new proxy is ready");

        server.Offer(Pod("b"));
        await Wait.UntilAsync(() => server.ServingOf("b").IsServed, "b is served");
        await server.WithdrawAsync("a");
        Assert.Equal(["add a", "complete a", "remove a"], oldSink.Calls);
        Assert.Equal(["add a", "complete a", "add b", "remove a"], youngSink.Calls);

        // The new one fails: what only it knew, the old one is told.
        await StopAsync(youngPart);
        await Wait.UntilAsync(() => oldSink.Served.ContainsKey("b"), "the old proxy serves b");
    }

    [Fact]
    public async Task A_proxy_of_another_make_is_told_no_details_and_nothing_longer_than_it_takes()
    {
        HandoverServer server = StartServer();
        PodOffer offer = Pod("a");
        server.Offer(offer with { Pod = offer.Pod with { Details = offer.Pod.Details! with { Annotations = Many(500) } } });
        using SeqPacketSocket foreign = await ConnectAsync();
        foreign.Send(new Wire.ZdsHello { Version = Wire.Version.V1 }.ToByteArray(), null, LabSockets.Patience);

        Wire.WorkloadRequest add = Read(foreign, out SafeFileHandle? descriptor);
        Assert.NotNull(descriptor);
        using (NetNamespace received = NetNamespace.FromHandle(descriptor))
        {
            Assert.Equal(_network.Id, received.Id);
        }

        Assert.Null(add.Add.WorkloadInfo.Details);
        Assert.InRange(add.CalculateSize(), 1, HandoverCodec.PlainMessageBytesMax);
        foreign.Send(HandoverCodec.EncodeAck(null), null, LabSockets.Patience);
        Assert.Equal(Wire.WorkloadRequest.PayloadOneofCase.SnapshotSent, Read(foreign, out descriptor).PayloadCase);
        Assert.Null(descriptor);
    }

    [Fact]
    public async Task A_pod_with_more_to_say_than_fits_is_an_error_of_that_pod_alone()
    {
        HandoverServer server = StartServer();
        PodOffer big = Pod("big");
        server.Offer(big with { Pod = big.Pod with { Details = big.Pod.Details! with { Annotations = Many(100, 1000) } } });
        server.Offer(Pod("small"));
        (HandoverClient client, RecordingSink sink, _) = StartClient();

        await Wait.UntilAsync(() => client.NotReadyReason is null, "the snapshot is complete");
        Assert.Equal(["add small", "complete small"], sink.Calls);
        Assert.Contains("too many annotations", server.ServingOf("big").Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("another version")]
    [InlineData("nonsense")]
    [InlineData("an unasked answer")]
    [InlineData("a descriptor")]
    [InlineData("silence")]
    public async Task A_proxy_that_does_not_keep_to_the_protocol_is_left(string flaw)
    {
        HandoverServer server = StartServer();
        using SeqPacketSocket raw = await ConnectAsync();
        switch (flaw)
        {
            case "another version":
                raw.Send(new Wire.ZdsHello { Version = (Wire.Version)7 }.ToByteArray(), null, LabSockets.Patience);
                break;
            case "nonsense":
                raw.Send("\xff\xff"u8, null, LabSockets.Patience);
                break;
            case "an unasked answer":
                raw.Send(HandoverCodec.EncodeHello(), null, LabSockets.Patience);
                Read(raw, out _);
                raw.Send(HandoverCodec.EncodeAck(null), null, LabSockets.Patience);
                raw.Send(HandoverCodec.EncodeAck(null), null, LabSockets.Patience);
                break;
            case "a descriptor":
                raw.Send(HandoverCodec.EncodeHello(), _network.Handle, LabSockets.Patience);
                break;
            default:
                break;
        }

        byte[] buffer = new byte[HandoverCodec.MessageBytesMax];
        SysResult end = raw.Receive(buffer, out _, TimeSpan.FromSeconds(10));
        Assert.Equal((true, 0), (end.Ok, end.Ok ? end.Count : -1));
        await Wait.UntilAsync(() => server.SessionCount == 0, "the session is over");
    }

    [Theory]
    [InlineData("a pod without a namespace")]
    [InlineData("a removal with a descriptor")]
    [InlineData("a second snapshot")]
    [InlineData("a pod kept after the snapshot")]
    [InlineData("nonsense")]
    public async Task An_agent_that_does_not_keep_to_the_protocol_is_left_and_pods_stay(string flaw)
    {
        using SeqPacketSocket listener = SeqPacketSocket.Listen(Options.SocketPath, 4);
        (HandoverClient client, RecordingSink sink, _) = StartClient();
        using SeqPacketSocket agent = Accept(listener);
        Ask(agent, new HandoverRequest.Add(Pod("a").Pod), _network.Handle);
        Ask(agent, new HandoverRequest.SnapshotSent(), null);
        Assert.Null(client.NotReadyReason);

        (byte[] message, bool withDescriptor) = flaw switch
        {
            "a pod without a namespace" => (HandoverCodec.Encode(new HandoverRequest.Add(Pod("b").Pod)), false),
            "a removal with a descriptor" => (HandoverCodec.Encode(new HandoverRequest.Remove("a")), true),
            "a second snapshot" => (HandoverCodec.Encode(new HandoverRequest.SnapshotSent()), false),
            "a pod kept after the snapshot" => (HandoverCodec.Encode(new HandoverRequest.Keep("a")), false),
            _ => ([0xff], false),
        };
        agent.Send(message, withDescriptor ? _network.Handle : null, LabSockets.Patience);
        byte[] buffer = new byte[64];
        Assert.Equal(0, agent.Receive(buffer, out _, LabSockets.Patience).Count);
        Assert.Equal(["add a", "complete a"], sink.Calls);
        Assert.NotNull(client.NotReadyReason);

        // And it comes back.
        using SeqPacketSocket again = Accept(listener);
    }

    [Fact]
    public async Task Something_that_is_no_namespace_is_refused_for_that_pod()
    {
        using SeqPacketSocket listener = SeqPacketSocket.Listen(Options.SocketPath, 4);
        (HandoverClient _, RecordingSink sink, _) = StartClient();
        using SeqPacketSocket agent = Accept(listener);
        using FileStream file = File.Create(Path.Combine(_directory, "file"));

        agent.Send(HandoverCodec.Encode(new HandoverRequest.Add(Pod("a").Pod)), file.SafeFileHandle, LabSockets.Patience);
        Assert.Contains("not a network namespace", ReadAck(agent), StringComparison.Ordinal);
        await Wait.UntilAsync(() => sink.Calls.IsEmpty, "nothing is added");
    }

    [Fact]
    public async Task Connections_are_taken_no_faster_than_five_a_second()
    {
        StartServer();
        Stopwatch elapsed = Stopwatch.StartNew();
        for (int i = 0; i < 6; i++)
        {
            using SeqPacketSocket raw = await ConnectAsync();
            raw.Send(HandoverCodec.EncodeHello(), null, LabSockets.Patience);
            Read(raw, out _);
        }

        Assert.InRange(elapsed.Elapsed, TimeSpan.FromMilliseconds(950), TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task A_withdrawal_ends_when_the_proxy_does()
    {
        HandoverServer server = StartServer();
        server.Offer(Pod("a"));
        using (SeqPacketSocket raw = await ConnectAsync())
        {
            raw.Send(HandoverCodec.EncodeHello(), null, LabSockets.Patience);
            Read(raw, out _);
            raw.Send(HandoverCodec.EncodeAck(null), null, LabSockets.Patience);
            Read(raw, out _);
            raw.Send(HandoverCodec.EncodeAck(null), null, LabSockets.Patience);
            await Wait.UntilAsync(() => server.ServingOf("a").IsServed, "a is served");
            Task withdrawal = server.WithdrawAsync("a");
            Assert.Equal(Wire.WorkloadRequest.PayloadOneofCase.Del, Read(raw, out _).PayloadCase);
            Assert.False(withdrawal.IsCompleted);
            raw.Dispose();
            await withdrawal.WaitAsync(LabSockets.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        }

        await Wait.UntilAsync(() => server.ServingOf("a").Error == "no proxy is connected", "the end of the connection is known");
    }

    public async ValueTask DisposeAsync()
    {
        for (int i = 0; i < _parts.Count; i++)
        {
            await StopAsync(i);
        }

        _owned.ForEach(owned => owned.Dispose());
        _network.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static Dictionary<string, string> Many(int count, int characters = 10) => Enumerable.Range(0, count)
        .ToDictionary(
            number => string.Create(CultureInfo.InvariantCulture, $"mesh-node.io/{number}"), _ => new string('x', characters));

    private static Wire.WorkloadRequest Read(SeqPacketSocket socket, out SafeFileHandle? descriptor)
    {
        byte[] buffer = new byte[HandoverCodec.MessageBytesMax];
        SysResult received = socket.Receive(buffer, out descriptor, LabSockets.Patience);
        return Wire.WorkloadRequest.Parser.ParseFrom(buffer, 0, received.Count);
    }

    private static string? ReadAck(SeqPacketSocket socket)
    {
        byte[] buffer = new byte[HandoverCodec.MessageBytesMax];
        int count = socket.Receive(buffer, out _, LabSockets.Patience).Count;
        Assert.True(HandoverCodec.TryDecodeAck(buffer.AsSpan(0, count), out string? failure, out _));
        return failure;
    }

    private static void Ask(SeqPacketSocket agent, HandoverRequest request, System.Runtime.InteropServices.SafeHandle? descriptor)
    {
        agent.Send(HandoverCodec.Encode(request), descriptor, LabSockets.Patience);
        Assert.Null(ReadAck(agent));
    }

    private static SeqPacketSocket Accept(SeqPacketSocket listener)
    {
        listener.Accept(LabSockets.Patience, out SeqPacketSocket? agent).OrThrow("accept");
        byte[] buffer = new byte[64];
        int count = agent!.Receive(buffer, out _, LabSockets.Patience).Count;
        Assert.True(HandoverCodec.TryDecodeHello(buffer.AsSpan(0, count), out _, out _));
        return agent;
    }

    private PodOffer Pod(string uid)
    {
        PodDetails details = new([IPAddress.Loopback], [], [], CaptureMode.Tproxy, new Dictionary<string, string>());
        return new PodOffer(new PodAnnouncement(uid, uid, "shop", "cart", details), _network);
    }

    private async Task<SeqPacketSocket> ConnectAsync()
    {
        SeqPacketSocket? socket = null;
        await Wait.UntilAsync(() => SeqPacketSocket.Connect(Options.SocketPath, out socket).Ok, "the server listens");
        return socket!;
    }

    private HandoverServer StartServer(params PodOffer[] offers)
    {
        HandoverServer server = new(Options, () => { }, NullLogger.Instance, TimeProvider.System);
        foreach (PodOffer offer in offers)
        {
            server.Offer(offer);
        }

        Start(server.RunAsync);
        return server;
    }

    private (HandoverClient Client, RecordingSink Sink, int Part) StartClient()
    {
        RecordingSink sink = new();
        _owned.Add(sink);
        HandoverClient client = new(Options, sink, NullLogger.Instance, TimeProvider.System);
        Start(client.RunAsync);
        return (client, sink, _parts.Count - 1);
    }

    private void Start(Func<CancellationToken, Task> run)
    {
        CancellationTokenSource stop = new();
        _parts.Add((stop, run(stop.Token)));
    }

    private async Task StopAsync(int part)
    {
        await _parts[part].Stop.CancelAsync();
        await _parts[part].Running;
    }
}
