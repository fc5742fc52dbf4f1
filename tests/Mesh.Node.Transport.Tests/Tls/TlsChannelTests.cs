using System.Security.Cryptography;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Tls;
using Xunit;

namespace Mesh.Node.Transport.Tests.Tls;

/// <summary>
/// Goal: a TLS channel keeps every promise of a channel: edges, backpressure, half-close, resets, and nothing accepted is ever cut off in
/// silence. Method: both ends on one real loop over loopback sockets; the TCP channels below are reachable, so a test can cut there.
/// </summary>
public sealed class TlsChannelTests(TlsLab lab) : IClassFixture<TlsLab>
{
    [Fact]
    public async Task Both_ends_finish_the_handshake_and_know_each_other()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            TlsChannelPair pair = await lab.ConnectAsync(fixture.Loop);

            Assert.Equal(TlsLab.ServerId, pair.Client.Session.PeerUriSan);
            Assert.Equal(TlsLab.ClientId, pair.Server.Session.PeerUriSan);
            Assert.Equal("h2", pair.Client.Session.NegotiatedAlpn);
            Assert.Null(pair.Client.Failure);
            pair.Close();
            Assert.Equal(0, fixture.Loop.ConnectionCount);
            return 0;
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_is_refused_learns_why_whatever_it_had_sent_already(bool isReset)
    {
        // Again and again, because what is tested is a race between the alert and the end of the connection.
        using LoopFixture fixture = new();
        for (int round = 0; round < 30; round++)
        {
            await fixture.RunAsync(async () =>
            {
                TlsChannelPair pair = lab.Prepare(fixture.Loop, acceptedByServer: "spiffe://cluster.local/nobody");
                ValueTask<TlsHandshakeResult> serverDone = pair.Server.HandshakeAsync(TlsLab.Patience);
                Assert.Equal(TlsHandshakeStatus.Done, (await pair.Client.HandshakeAsync(TlsLab.Patience)).Status);
                ChannelDriver client = new(pair.Client);
                await client.WriteAllAsync(new byte[100_000]);

                TlsHandshakeResult server = await serverDone;
                Assert.Equal((TlsHandshakeStatus.Failed, TlsFailureKind.IdentityRejected), (server.Status, server.Failure!.Kind));
                if (isReset)
                {
                    pair.Server.Reset();
                }
                else
                {
                    pair.Server.Close();
                }

                (byte[] bytes, IoStatus status) = await client.ReadToEndAsync();
                Assert.Equal((0, IoStatus.Failed), (bytes.Length, status));
                Assert.Equal(TlsFailureKind.PeerAlert, pair.Client.Failure!.Kind);
                pair.Client.Reset();
                return 0;
            });
        }

        Assert.Equal(0, await fixture.RunAsync(() => fixture.Loop.ConnectionCount));
    }

    [Fact]
    public async Task A_driver_that_only_writes_learns_from_the_alert_why_its_connection_broke()
    {
        using LoopFixture fixture = new();
        for (int round = 0; round < 30; round++)
        {
            await fixture.RunAsync(async () =>
            {
                TlsChannelPair pair = lab.Prepare(fixture.Loop, acceptedByServer: "spiffe://cluster.local/nobody");
                ValueTask<TlsHandshakeResult> serverDone = pair.Server.HandshakeAsync(TlsLab.Patience);
                Assert.Equal(TlsHandshakeStatus.Done, (await pair.Client.HandshakeAsync(TlsLab.Patience)).Status);
                Assert.Equal(TlsHandshakeStatus.Failed, (await serverDone).Status);
                pair.Server.Close();

                ChannelDriver client = new(pair.Client);
                Assert.Equal(IoStatus.Failed, await client.WriteAllAsync(new byte[32 << 20]));

                Assert.Equal(TlsFailureKind.PeerAlert, pair.Client.Failure!.Kind);
                pair.Client.Reset();
                return 0;
            });
        }
    }

    [Fact]
    public async Task A_server_that_is_refused_learns_why()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            TlsChannelPair pair = lab.Prepare(fixture.Loop, acceptedByClient: "spiffe://cluster.local/nobody");
            (TlsHandshakeResult client, TlsHandshakeResult server) = await pair.HandshakeAsync();

            Assert.Equal((TlsHandshakeStatus.Failed, TlsFailureKind.IdentityRejected), (client.Status, client.Failure!.Kind));
            Assert.Equal((TlsHandshakeStatus.Failed, TlsFailureKind.PeerAlert), (server.Status, server.Failure!.Kind));
            pair.Close();
            return 0;
        });
    }

    [Fact]
    public async Task A_peer_that_says_nothing_runs_into_the_time_limit()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            (TcpChannel silent, TcpChannel transport) = TlsLab.ConnectTcp(fixture.Loop);
            TlsChannel server = new(transport, lab.Server, new AnyPeer());
            long started = fixture.Loop.NowMs;

            TlsHandshakeResult result = await server.HandshakeAsync(TimeSpan.FromMilliseconds(100));

            Assert.Equal((TlsHandshakeStatus.TimedOut, null), (result.Status, result.Failure));
            Assert.True(fixture.Loop.NowMs - started >= 100);
            server.Reset();
            silent.Close();
            Assert.Equal(0, fixture.Loop.ConnectionCount);
            return 0;
        });
    }

    [Fact]
    public async Task A_handshake_that_is_given_up_or_closed_ends_as_failed()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            foreach (bool isClosed in (bool[])[true, false])
            {
                (TcpChannel silent, TcpChannel transport) = TlsLab.ConnectTcp(fixture.Loop);
                TlsChannel server = new(transport, lab.Server, new AnyPeer());
                ValueTask<TlsHandshakeResult> pending = server.HandshakeAsync(TlsLab.Patience);
                Assert.False(pending.IsCompleted);
                if (isClosed)
                {
                    server.Close();
                }
                else
                {
                    server.CancelHandshake();
                }

                TlsHandshakeResult result = await pending;
                Assert.Equal((TlsHandshakeStatus.Failed, null), (result.Status, result.Failure));
                server.Close();
                silent.Close();
            }

            Assert.Equal(0, fixture.Loop.ConnectionCount);
            return 0;
        });
    }

    [Fact]
    public async Task Nonsense_is_answered_with_an_alert_and_an_end_not_with_a_reset()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            (TcpChannel stranger, TcpChannel transport) = TlsLab.ConnectTcp(fixture.Loop);
            TlsChannel server = new(transport, lab.Server, new AnyPeer());
            ChannelDriver peer = new(stranger);

            // A ClientHello whose length is a lie, and much behind it that nobody will read.
            await peer.WriteAllAsync((byte[])[22, 3, 1, 0, 5, 1, 0, 0, 1, 0, .. new byte[50_000]]);

            TlsHandshakeResult result = await server.HandshakeAsync(TlsLab.Patience);
            Assert.Equal((TlsHandshakeStatus.Failed, TlsFailureKind.ProtocolError), (result.Status, result.Failure!.Kind));
            server.Close();

            (byte[] bytes, IoStatus status) = await peer.ReadToEndAsync();
            Assert.Equal(IoStatus.End, status);
            Assert.Equal(21, bytes[0]); // A record of type alert.
            stranger.Close();
            return 0;
        });
    }

    [Fact]
    public async Task Bytes_cross_small_buffers_whole_in_both_directions_and_each_ends_on_its_own()
    {
        using LoopFixture fixture = new();
        byte[] up = RandomNumberGenerator.GetBytes(3_000_001);
        byte[] down = RandomNumberGenerator.GetBytes(2_000_003);
        (byte[] upArrived, byte[] downArrived) = await fixture.RunAsync(async () =>
        {
            TlsChannelPair pair = await lab.ConnectAsync(fixture.Loop, bufferBytes: 8 * 1024);
            ChannelDriver client = new(pair.Client);
            ChannelDriver server = new(pair.Server);

            ValueTask<IoStatus> sending = client.WriteAllAsync(up);
            ValueTask<(byte[] Bytes, IoStatus Status)> receiving = server.ReadToEndAsync();
            Assert.Equal(IoStatus.Done, await sending);
            pair.Client.CloseWrite();
            (byte[] upBytes, IoStatus upStatus) = await receiving;
            Assert.Equal(IoStatus.End, upStatus);
            Assert.Equal(IoStatus.Failed, pair.Client.Write("x"u8).Status);

            // One direction has ended; the other still carries.
            sending = server.WriteAllAsync(down);
            receiving = client.ReadToEndAsync();
            Assert.Equal(IoStatus.Done, await sending);
            pair.Server.CloseWrite();
            (byte[] downBytes, IoStatus downStatus) = await receiving;
            Assert.Equal(IoStatus.End, downStatus);
            Assert.Null(pair.Client.Failure);
            pair.Close();
            Assert.Equal(0, fixture.Loop.ConnectionCount);
            return (upBytes, downBytes);
        });

        Assert.Equal(up, upArrived);
        Assert.Equal(down, downArrived);
    }

    [Fact]
    public async Task An_end_is_close_notify_and_then_FIN()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            TlsChannelPair pair = await lab.ConnectAsync(fixture.Loop);
            pair.Client.CloseWrite();
            ChannelDriver server = new(pair.Server);
            Assert.Equal(IoStatus.End, (await server.ReadAsync(new byte[1])).Status);

            pair.ServerTcp.Events = null;
            ChannelDriver below = new(pair.ServerTcp);
            Assert.Equal(IoStatus.End, (await below.ReadAsync(new byte[1])).Status);
            pair.Server.Reset();
            pair.Client.Reset();
            return 0;
        });
    }

    [Fact]
    public async Task A_FIN_without_close_notify_is_a_failure()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            TlsChannelPair pair = await lab.ConnectAsync(fixture.Loop);
            pair.Client.Write("half of it"u8);
            pair.ClientTcp.CloseWrite();

            (byte[] bytes, IoStatus status) = await new ChannelDriver(pair.Server).ReadToEndAsync();

            Assert.Equal((10, IoStatus.Failed), (bytes.Length, status));
            Assert.Equal(TlsFailureKind.Truncated, pair.Server.Failure!.Kind);
            pair.Close();
            return 0;
        });
    }

    [Fact]
    public async Task A_reset_arrives_as_a_reset()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            TlsChannelPair pair = await lab.ConnectAsync(fixture.Loop);
            ChannelDriver server = new(pair.Server);
            ValueTask<IoResult> reading = server.ReadAsync(new byte[1]);
            pair.Client.Reset();

            IoResult read = await reading;

            Assert.Equal((IoStatus.Failed, Errno.ECONNRESET), (read.Status, read.Error));
            Assert.Equal(TlsFailureKind.ConnectionLost, pair.Server.Failure!.Kind);
            Assert.Equal(Errno.ECONNRESET, pair.Server.TakeError());
            Assert.Equal(1, server.Faults);
            pair.Server.Reset();
            return 0;
        });
    }

    [Fact]
    public async Task What_was_accepted_before_a_close_arrives_all_the_same()
    {
        using LoopFixture fixture = new();
        byte[] source = RandomNumberGenerator.GetBytes(8 << 20);
        (int accepted, byte[] arrived) = await fixture.RunAsync(async () =>
        {
            TlsChannelPair pair = await lab.ConnectAsync(fixture.Loop, bufferBytes: 8 * 1024);
            int bytes = new ChannelDriver(pair.Client).WriteUntilFull(source);
            Assert.True(pair.Client.HasUnsentBytes);
            pair.Client.Close();
            Assert.True(pair.Client.IsClosed);
            Assert.Equal(2, fixture.Loop.ConnectionCount); // The socket outlives the channel.

            (byte[] received, IoStatus status) = await new ChannelDriver(pair.Server).ReadToEndAsync();

            Assert.Equal(IoStatus.End, status);
            pair.Server.Close();
            Assert.Equal(0, fixture.Loop.ConnectionCount);
            return (bytes, received);
        });

        Assert.Equal(source[..accepted], arrived);
    }

    [Fact]
    public async Task A_peer_that_takes_nothing_does_not_hold_a_closed_channel_for_ever()
    {
        using LoopFixture fixture = new();
        TlsChannelPair pair = await fixture.RunAsync(
            () => lab.ConnectAsync(fixture.Loop, bufferBytes: 8 * 1024, lingerLimit: TimeSpan.FromMilliseconds(100)));
        await FillAsync(fixture, pair.Client);
        await fixture.RunAsync(() =>
        {
            pair.Client.Close();
            return 0;
        });

        await Until(fixture, () => fixture.Loop.ConnectionCount == 1);
        await fixture.RunAsync(async () =>
        {
            // What was left is lost, so the peer must not take what it got for the whole.
            (_, IoStatus status) = await new ChannelDriver(pair.Server).ReadToEndAsync();
            Assert.Equal(IoStatus.Failed, status);
            Assert.Equal(TlsFailureKind.ConnectionLost, pair.Server.Failure!.Kind);
            pair.Server.Reset();
            return 0;
        });
    }

    [Fact]
    public async Task A_driver_that_stops_between_records_goes_on_without_an_event()
    {
        using LoopFixture fixture = new();
        await fixture.RunAsync(async () =>
        {
            TlsChannelPair pair = await lab.ConnectAsync(fixture.Loop);
            ChannelDriver server = new(pair.Server);
            for (byte record = 0; record < 10; record++)
            {
                pair.Client.Write([record]);
            }

            // The first read takes all ten off the socket; nothing will ever announce the other nine.
            byte[] one = new byte[1];
            Assert.Equal(IoStatus.Done, (await server.ReadAsync(one)).Status);
            int events = server.ReadableEvents;
            for (byte record = 1; record < 10; record++)
            {
                Assert.Equal(IoStatus.Done, pair.Server.Read(one).Status);
                Assert.Equal(record, one[0]);
            }

            Assert.Equal(IoStatus.WouldBlock, pair.Server.Read(one).Status);
            Assert.Equal(events, server.ReadableEvents);
            pair.Close();
            return 0;
        });
    }

    [Fact]
    public async Task Half_a_record_does_not_make_the_loop_spin()
    {
        using LoopFixture fixture = new();
        ChannelDriver server = null!;
        TlsChannelPair pair = await fixture.RunAsync(async () =>
        {
            TlsChannelPair made = await lab.ConnectAsync(fixture.Loop);
            server = new ChannelDriver(made.Server);

            // The head of a record that never comes.
            made.ClientTcp.Write([23, 3, 3, 0x10, 0x00, 1, 2, 3]);
            _ = server.ReadAsync(new byte[100]).AsTask();
            return made;
        });

        // Two turns by ourselves, and what the kernel had to say; a spinning loop makes thousands.
        await Until(fixture, () => server.ReadableEvents > 0 || pair.Server.Session.HasBufferedInput);
        long before = fixture.Loop.Turns;
        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.InRange(fixture.Loop.Turns - before, 0, 10);

        await fixture.RunAsync(() =>
        {
            pair.ClientTcp.CloseWrite();
            return 0;
        });
        await Until(fixture, () => pair.Server.Failure is { Kind: TlsFailureKind.Truncated });
        await fixture.RunAsync(() =>
        {
            pair.Close();
            return 0;
        });
    }

    [Fact]
    public async Task Many_handshakes_at_once_all_finish()
    {
        const int count = 200;
        using LoopFixture fixture = new();
        int done = await fixture.RunAsync(async () =>
        {
            List<TlsChannelPair> pairs = [];
            List<Task<(TlsHandshakeResult Client, TlsHandshakeResult Server)>> pending = [];
            for (int index = 0; index < count; index++)
            {
                TlsChannelPair pair = lab.Prepare(fixture.Loop);
                pairs.Add(pair);
                pending.Add(pair.HandshakeAsync().AsTask());
            }

            int finished = 0;
            foreach (Task<(TlsHandshakeResult Client, TlsHandshakeResult Server)> each in pending)
            {
                (TlsHandshakeResult client, TlsHandshakeResult server) = await each;
                finished += client.Status == TlsHandshakeStatus.Done && server.Status == TlsHandshakeStatus.Done ? 1 : 0;
            }

            pairs.ForEach(static pair => pair.Close());
            Assert.Equal(0, fixture.Loop.ConnectionCount);
            return finished;
        });

        Assert.Equal(count, done);
    }

    /// <summary>Writes until the kernel's buffers at both ends are full and stay so.</summary>
    private static async Task FillAsync(LoopFixture fixture, TlsChannel channel)
    {
        ChannelDriver driver = await fixture.RunAsync(() => new ChannelDriver(channel));
        for (int events = -1; events != driver.WritableEvents;)
        {
            events = driver.WritableEvents;
            await fixture.RunAsync(() => driver.WriteUntilFull(new byte[8 << 20]));
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    private static async Task Until(LoopFixture fixture, Func<bool> holds)
    {
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            if (await fixture.RunAsync(holds))
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        Assert.Fail("It never came true.");
    }
}
