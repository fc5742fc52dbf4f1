using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>
/// Goal: a peer that has vanished is found out, whatever of its words was still on the way, and one that answers is left alone. Method: a
/// peer that stops hearing, or speaking, at a moment of the test's choice.
/// </summary>
public sealed class TunnelPingTests : IDisposable
{
    private readonly EventLoop _loop = EventLoop.Start("tunnel", 0, new EventLoopOptions());
    private readonly Owner _owner = new();

    public void Dispose() => _loop.Dispose();

    [Fact]
    public async Task A_peer_that_vanishes_after_the_ping_is_found_out_although_its_data_still_arrives()
    {
        EnginePeer peer = await ServeAsync(TimeSpan.FromMilliseconds(50), pingTimeout: TimeSpan.FromSeconds(3));

        // From here on it hears nothing; what it says was said before.
        int before = await TunnelPair.OnLoopAsync(_loop, () =>
        {
            peer.IsDeaf = true;
            return Pings(peer);
        });
        await UntilAsync(() => Pings(peer) > before);
        await OnLoopAsync(() =>
        {
            Assert.True(peer.Engine.TryOpenStream(Connect(), endStream: false, tag: null, out _));
            peer.Announce();
        });
        await UntilAsync(() => _owner.Opened == 1);

        await UntilAsync(() => _owner.Reason != CloseReason.None);
        Assert.Equal(CloseReason.TunnelPingTimeout, _owner.Reason);
        Assert.Equal(before + 1, Pings(peer));
    }

    [Fact]
    public async Task A_silent_peer_is_given_up_when_the_time_is_over_and_not_before()
    {
        TimeSpan limit = TimeSpan.FromSeconds(1);
        EnginePeer peer = await ServeAsync(TimeSpan.FromMilliseconds(50), limit);

        await OnLoopAsync(() => peer.IsMute = true);

        await UntilAsync(() => _owner.Reason != CloseReason.None);
        Assert.Equal(CloseReason.TunnelPingTimeout, _owner.Reason);

        // The last that was written to it is the PING.
        Assert.InRange(_owner.ClosedMs - peer.WrittenMs, limit.TotalMilliseconds, double.MaxValue);
    }

    [Fact]
    public async Task Pings_do_not_wait_for_silence()
    {
        EnginePeer peer = await ServeAsync(TimeSpan.FromMilliseconds(250), TunnelPair.Patience);
        Http2Stream? stream = null;
        int before = await TunnelPair.OnLoopAsync(_loop, () =>
        {
            Assert.True(peer.Engine.TryOpenStream(Connect(), endStream: false, tag: null, out stream));
            return Pings(peer);
        });
        await UntilAsync(() =>
        {
            Span<byte> room = peer.Engine.ReserveData(stream!, 1);
            peer.Engine.CommitData(stream!, room.Length, endStream: false);
            peer.Announce();
            return Pings(peer) >= before + 3;
        });
        Assert.Equal(CloseReason.None, _owner.Reason);
    }

    private static HeaderList Connect()
    {
        var headers = new HeaderList();
        headers.Add(":method"u8, "CONNECT"u8);
        headers.Add(":authority"u8, "10.0.0.1:80"u8);
        return headers;
    }

    private static int Pings(EnginePeer peer) =>
        WireFrame.ReadAll([.. peer.Written], isFromClient: false).Count(frame => frame is { Type: WireFrame.Ping, Flags: 0 });

    /// <summary>A tunnel in the server's role that has had a first PING answered.</summary>
    private async Task<EnginePeer> ServeAsync(TimeSpan pingInterval, TimeSpan pingTimeout)
    {
        EnginePeer peer = await TunnelPair.OnLoopAsync(_loop, () =>
        {
            var client = new EnginePeer(_loop, Http2Role.Client);
            TunnelOptions options = TunnelPair.Options with { PingInterval = pingInterval, PingTimeout = pingTimeout };
            TunnelConnection.Start(client, Http2Role.Server, Http2Profiles.Server, options, _owner);
            return client;
        });
        await UntilAsync(() => Pings(peer) >= 2);
        return peer;
    }

    private Task OnLoopAsync(Action body) => TunnelPair.OnLoopAsync(_loop, () =>
    {
        body();
        return 0;
    });

    private async Task UntilAsync(Func<bool> condition) =>
        await Eventually.TrueAsync(() => TunnelPair.OnLoopAsync(_loop, condition), TunnelPair.Patience);

    private sealed class Owner : QuietTunnelOwner
    {
        public int Opened { get; private set; }

        public CloseReason Reason { get; private set; }

        public long ClosedMs { get; private set; }

        public override void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream)
        {
            Opened++;
            base.OnStreamOpened(tunnel, stream, headers, endStream);
        }

        public override void OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail) => (Reason, ClosedMs) = (reason, tunnel.Loop.NowMs);
    }
}
