using Mesh.Interop.Linux;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Relay;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>Tunnels and streams end without losing what is on its way, and always with their reason.</summary>
public sealed class TunnelEndTests : IDisposable
{
    private readonly EventLoop _loop = EventLoop.Start("tunnel", 0, new EventLoopOptions());

    public void Dispose() => _loop.Dispose();

    [Fact]
    public async Task A_server_that_drains_without_a_stream_still_serves_the_one_that_is_on_its_way()
    {
        (EnginePeer peer, TunnelConnection tunnel, Owner owner) = await ServeAsync(TunnelPair.Options);
        await OnLoopAsync(() =>
        {
            // The request leaves before the peer hears of the end, and arrives after it was said.
            peer.IsMute = true;
            peer.Engine.TryOpenStream(Connect(), endStream: false, null, out _);
            tunnel.BeginDrain();
        });
        await UntilAsync(() => peer.Heard.Contains($"GoAway {int.MaxValue} NoError"));
        Assert.False(await OnLoopAsync(() => tunnel.IsClosed));

        await OnLoopAsync(() =>
        {
            peer.IsMute = false;
            peer.Announce();
        });
        await UntilAsync(() => peer.Heard.Contains("GoAway 1 NoError"));
        Assert.Equal(1, owner.Opened);
        Assert.False(await OnLoopAsync(() => tunnel.IsClosed));

        await OnLoopAsync(() => owner.Stream!.Reset(Http2ErrorCode.Cancel));
        await UntilAsync(() => tunnel.IsClosed);
        Assert.Equal(CloseReason.Completed, owner.Reason);
    }

    [Fact]
    public async Task A_peer_that_never_answers_does_not_keep_a_draining_tunnel()
    {
        (EnginePeer peer, TunnelConnection tunnel, Owner owner) = await ServeAsync(TunnelPair.Options, new() { DrainPingMsMax = 100 });
        await OnLoopAsync(() =>
        {
            peer.IsMute = true;
            tunnel.BeginDrain();
        });
        await UntilAsync(() => tunnel.IsClosed);
        Assert.Equal(CloseReason.Completed, owner.Reason);
        Assert.Equal([$"GoAway {int.MaxValue} NoError", "GoAway 0 NoError"], peer.Heard);
    }

    [Fact]
    public async Task A_server_releases_an_idle_tunnel_in_the_same_order()
    {
        TunnelOptions options = TunnelPair.Options with { IdleRelease = TimeSpan.FromMilliseconds(1), PingInterval = TimeSpan.FromMilliseconds(50) };
        (EnginePeer peer, TunnelConnection tunnel, Owner owner) = await ServeAsync(options);
        await UntilAsync(() => tunnel.IsClosed);
        Assert.Equal(CloseReason.TunnelReleased, owner.Reason);
        Assert.Equal([$"GoAway {int.MaxValue} NoError", "GoAway 0 NoError"], peer.Heard);
    }

    [Fact]
    public async Task A_time_limit_of_the_engine_ends_the_tunnel_with_its_name()
    {
        TunnelOptions options = TunnelPair.Options with { PingInterval = TimeSpan.FromMilliseconds(50) };
        (EnginePeer peer, TunnelConnection tunnel, Owner owner) = await ServeAsync(options, new() { SettingsAckMsMax = 100 }, isAcknowledged: false);
        await UntilAsync(() => tunnel.IsClosed);
        Assert.Equal(CloseReason.Http2ProtocolError, owner.Reason);
        Assert.Contains(nameof(Http2ErrorReason.SettingsAckTimeout), owner.Detail, StringComparison.Ordinal);
        Assert.Equal(["GoAway 0 SettingsTimeout"], peer.Heard);
    }

    [Fact]
    public async Task A_peer_that_opens_more_streams_than_it_may_is_refused_those_and_they_are_told()
    {
        var owner = new Owner();
        EnginePeer peer = await OnLoopAsync(() =>
        {
            var client = new EnginePeer(_loop, Http2Role.Client);
            TunnelConnection.Start(client, Http2Role.Server, Http2Profiles.Server with { PeerStreamsMax = 2 }, TunnelPair.Options, owner);

            // The limit is on its way: a client that has not heard of it is not to blame.
            for (int stream = 0; stream < 5; stream++)
            {
                Assert.True(client.Engine.TryOpenStream(Connect(), endStream: false, null, out _));
            }

            client.Announce();
            return client;
        });
        await UntilAsync(() => peer.Heard.Count(line => line.EndsWith(" RefusedStream", StringComparison.Ordinal)) == 3);
        Assert.Equal((2, 3), (owner.Opened, owner.Refused));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: example\r\n\r\n", "BadPreface")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\u0008\u0006\0\0\0\0\0\0\0\0\0\0\0\0\0", "FirstFrameNotSettings")]
    [InlineData("", "the peer closed the connection")]
    public async Task A_peer_that_does_not_begin_as_HTTP_2_does_is_named_so(string sent, string detail)
    {
        var owner = new Owner();
        await OnLoopAsync(() => TunnelConnection.Start(
            new SpokenChannel(_loop, sent), Http2Role.Server, Http2Profiles.Server, TunnelPair.Options, owner));
        await UntilAsync(() => owner.Reason != CloseReason.None);
        Assert.Equal(CloseReason.Http2HandshakeFailed, owner.Reason);
        Assert.Contains(detail, owner.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_that_never_sends_its_SETTINGS_is_given_up_and_its_streams_know_why()
    {
        TunnelOptions options = TunnelPair.Options with { PingInterval = TimeSpan.FromMilliseconds(50) };
        var owner = new Owner();
        TunnelStream stream = await OnLoopAsync(() =>
        {
            var server = new EnginePeer(_loop, Http2Role.Server) { IsMute = true };
            TunnelConnection tunnel = TunnelConnection.Start(
                server, Http2Role.Client, Http2Profiles.Client with { SettingsAckMsMax = 100 }, options, owner);
            return tunnel.TryOpenStream(Connect(), owner)!;
        });
        await UntilAsync(() => stream.Tunnel.IsClosed);
        Assert.Equal((CloseReason.Http2HandshakeFailed, owner.Detail), stream.Tunnel.StreamEnd);
        Assert.Contains(nameof(Http2ErrorReason.SettingsAckTimeout), owner.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Streams_that_a_tunnel_takes_with_it_are_lost_unless_it_had_a_reason_of_its_own()
    {
        (EnginePeer peer, TunnelConnection tunnel, Owner _) = await ServeAsync(TunnelPair.Options);
        await OnLoopAsync(() =>
        {
            peer.Engine.TryOpenStream(Connect(), endStream: false, null, out _);
            peer.Announce();
        });
        await UntilAsync(() => tunnel.StreamCount == 1);
        await OnLoopAsync(() => peer.End());
        await UntilAsync(() => tunnel.IsClosed);
        Assert.Equal(CloseReason.TunnelLost, tunnel.StreamEnd.Reason);

        (EnginePeer _, TunnelConnection other, Owner _) = await ServeAsync(TunnelPair.Options);
        await OnLoopAsync(() => other.Abort(CloseReason.PeerCertificateRevoked, "it is on a list"));
        Assert.Equal((CloseReason.PeerCertificateRevoked, "it is on a list"), other.StreamEnd);
    }

    [Fact]
    public async Task A_stream_is_known_to_be_unsent_only_when_nothing_of_it_can_have_arrived()
    {
        // The peer closed before the end of the turn in which the stream was opened, or what was to be sent then failed.
        Assert.Equal([true], await LoseAsync((peer, _) =>
        {
            peer.End();
            peer.OnReady(EpollEvents.In);
        }));
        Assert.Equal([true], await LoseAsync((peer, _) => peer.IsBroken = true));

        // A write that is more than one record may have failed in its middle.
        Assert.Equal([false, false], await LoseAsync((peer, first) =>
        {
            Span<byte> room = first.Reserve(20_000);
            Assert.Equal(20_000, room.Length);
            first.Commit(room.Length, endStream: false);
            Assert.NotNull(first.Tunnel.TryOpenStream(Connect(), first.Events));
            peer.IsBroken = true;
        }));

        // What we end ourselves is not to be tried anew, and what was sent may have arrived.
        Assert.Equal([false], await LoseAsync((peer, first) =>
        {
            peer.IsBroken = true;
            first.Tunnel.Abort(CloseReason.WorkloadChanged, null);
        }));
        EnginePeer? heard = null;
        Task<IReadOnlyList<bool>> lost = LoseAsync((peer, _) => heard = peer);
        await UntilAsync(() => heard?.Stream is not null);
        await OnLoopAsync(() => heard!.End());
        Assert.Equal([false], await lost);
    }

    [Fact]
    public async Task A_peer_that_cannot_be_told_why_changes_nothing_about_the_reason()
    {
        (EnginePeer peer, TunnelConnection tunnel, Owner owner) = await ServeAsync(TunnelPair.Options);
        await OnLoopAsync(() =>
        {
            peer.IsBroken = true;

            // PING of a stream.
            peer.SendRaw([0, 0, 8, 6, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        });
        await UntilAsync(() => tunnel.IsClosed);
        Assert.Equal(CloseReason.Http2ProtocolError, owner.Reason);
        Assert.Contains(nameof(Http2ErrorReason.FrameNotOnStreamZero), owner.Detail, StringComparison.Ordinal);

        (EnginePeer other, TunnelConnection aborted, Owner otherOwner) = await ServeAsync(TunnelPair.Options);
        await OnLoopAsync(() =>
        {
            other.IsBroken = true;
            aborted.Abort(CloseReason.PeerCertificateRevoked, "it is on a list");
        });
        Assert.Equal((CloseReason.PeerCertificateRevoked, "it is on a list"), (otherOwner.Reason, otherOwner.Detail));
    }

    [Fact]
    public async Task A_whole_answer_is_delivered_although_the_server_wants_to_hear_no_more()
    {
        const int AnswerBytes = 50_000;
        var socket = new FullSocket(_loop);
        var ended = new Ended();
        EnginePeer peer = await OnLoopAsync(() => new EnginePeer(_loop, Http2Role.Server));
        await OnLoopAsync(() =>
        {
            TunnelConnection tunnel = TunnelConnection.Start(peer, Http2Role.Client, Http2Profiles.Client, TunnelPair.Options, new Owner());
            TunnelStream stream = tunnel.TryOpenStream(Connect(), new ConnectResponse(_loop))!;
            new StreamRelay(socket, stream, StreamRelayRole.SocketIsClient, new RelayLimits(TunnelPair.Patience), new TunnelPair.Meter(), ended).Start();
        });
        await UntilAsync(() => peer.Stream is not null);
        await OnLoopAsync(() =>
        {
            Http2Stream stream = peer.Stream!;
            peer.Engine.SendHeaders(stream, Status200(), endStream: false);
            for (int left = AnswerBytes; left > 0;)
            {
                Span<byte> room = peer.Engine.ReserveData(stream, Math.Min(left, 10_000));
                Assert.False(room.IsEmpty);
                left -= room.Length;
                peer.Engine.CommitData(stream, room.Length, endStream: left == 0);
            }

            peer.Engine.ResetStream(stream, Http2ErrorCode.NoError);
            peer.Announce();
        });

        // Nothing was taken so far, so everything is held.
        await UntilAsync(() => socket.Refusals > 0);
        Assert.Null(ended.End);
        await OnLoopAsync(socket.TakeAll);
        await UntilAsync(() => ended.End is not null);
        Assert.Equal((RelayEnd.Completed, AnswerBytes, true), (ended.End!.Value, socket.TakenBytes, socket.IsWriteClosed));
    }

    private static HeaderList Connect()
    {
        var headers = new HeaderList();
        headers.Add(":method"u8, "CONNECT"u8);
        headers.Add(":authority"u8, "10.0.0.1:80"u8);
        return headers;
    }

    private static HeaderList Status200()
    {
        var headers = new HeaderList();
        headers.Add(":status"u8, "200"u8);
        return headers;
    }

    private async Task<(EnginePeer Peer, TunnelConnection Tunnel, Owner Owner)> ServeAsync(
        TunnelOptions options, Http2ConnectionOptions? http2 = null, bool isAcknowledged = true)
    {
        var owner = new Owner();
        (EnginePeer peer, TunnelConnection tunnel) = await OnLoopAsync(() =>
        {
            var client = new EnginePeer(_loop, Http2Role.Client);
            var started = TunnelConnection.Start(client, Http2Role.Server, http2 ?? Http2Profiles.Server, options, owner);

            // The peer's opening was read by now; its acknowledgement follows in a later turn.
            client.IsMute = !isAcknowledged;
            return (client, started);
        });
        await UntilAsync(() => peer.Engine.PeerSettingsReceived);
        return (peer, tunnel, owner);
    }

    /// <summary>Opens a stream, lets the test lose its tunnel, and waits until it is lost.</summary>
    /// <returns>Of each stream whether it was known to be unsent.</returns>
    private async Task<IReadOnlyList<bool>> LoseAsync(Action<EnginePeer, TunnelStream> lose)
    {
        var seen = new List<bool>();
        EnginePeer peer = await OnLoopAsync(() => new EnginePeer(_loop, Http2Role.Server));
        TunnelConnection tunnel = await OnLoopAsync(
            () => TunnelConnection.Start(peer, Http2Role.Client, Http2Profiles.Client, TunnelPair.Options, new Owner()));
        await UntilAsync(() => peer.Engine.PeerSettingsReceived);
        await OnLoopAsync(() => lose(peer, tunnel.TryOpenStream(Connect(), new Aborts(seen))!));
        await UntilAsync(() => tunnel.IsClosed);
        return seen;
    }

    private Task<T> OnLoopAsync<T>(Func<T> body) => TunnelPair.OnLoopAsync(_loop, body);

    private Task OnLoopAsync(Action body) => TunnelPair.OnLoopAsync(_loop, () =>
    {
        body();
        return 0;
    });

    private async Task UntilAsync(Func<bool> condition) =>
        await Eventually.TrueAsync(() => OnLoopAsync(condition), TunnelPair.Patience);

    private sealed class Ended : IRelayOwner
    {
        public RelayEnd? End { get; private set; }

        public void OnRelayEnded(RelayEnd end) => End = end;
    }

    /// <summary>Says its text and closes.</summary>
    private sealed class SpokenChannel(EventLoop loop, string text) : ByteChannel(loop)
    {
        private int _spoken;
        private bool _isClosed;

        public override bool IsClosed => _isClosed;

        public override bool HasUnsentBytes => false;

        public override IoResult Read(Span<byte> destination)
        {
            int bytes = System.Text.Encoding.ASCII.GetBytes(text.AsSpan(_spoken), destination);
            _spoken += bytes;
            return bytes == 0 ? IoResult.End : IoResult.Done(bytes);
        }

        public override IoResult Write(ReadOnlySpan<byte> source) => IoResult.Done(source.Length);

        public override void CloseWrite()
        {
        }

        public override void Close() => _isClosed = true;

        public override void Reset() => _isClosed = true;

        public override Errno TakeError() => Errno.None;
    }

    /// <summary>Takes nothing until it is told to.</summary>
    private sealed class FullSocket(EventLoop loop) : ByteChannel(loop)
    {
        private bool _isOpen;
        private bool _isClosed;

        public int Refusals { get; private set; }

        public int TakenBytes { get; private set; }

        public bool IsWriteClosed { get; private set; }

        public override bool IsClosed => _isClosed;

        public override bool HasUnsentBytes => false;

        public void TakeAll()
        {
            _isOpen = true;
            Events!.OnWritable();
        }

        public override IoResult Read(Span<byte> destination) => IoResult.WouldBlock;

        public override IoResult Write(ReadOnlySpan<byte> source)
        {
            Refusals += _isOpen ? 0 : 1;
            TakenBytes += _isOpen ? source.Length : 0;
            return _isOpen ? IoResult.Done(source.Length) : IoResult.WouldBlock;
        }

        public override void CloseWrite() => IsWriteClosed = true;

        public override void Close() => _isClosed = true;

        public override void Reset() => _isClosed = true;

        public override Errno TakeError() => Errno.None;
    }

    private sealed class Aborts(List<bool> seen) : QuietTunnelOwner
    {
        public override void OnAborted(TunnelAbort abort) => seen.Add(abort.IsUnsent);
    }

    private sealed class Owner : QuietTunnelOwner
    {
        public int Opened { get; private set; }

        public int Refused { get; private set; }

        public TunnelStream? Stream { get; private set; }

        public CloseReason Reason { get; private set; }

        public string? Detail { get; private set; }

        public override void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream)
        {
            Opened++;
            Stream = stream;
            base.OnStreamOpened(tunnel, stream, headers, endStream);
        }

        public override void OnStreamRefused(TunnelConnection tunnel, HeaderList headers) => Refused++;

        public override void OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail) => (Reason, Detail) = (reason, detail);
    }
}
