using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Relay;
using Mesh.Node.Transport.Tests.Relay;
using Xunit;

namespace Mesh.Node.Transport.Tests.EventLoops;

/// <summary>
/// Whoever has much to do on a loop gets a bounded share of each turn, and a chain of continuations a bounded share of the stack.
/// </summary>
public sealed class FairnessTests
{
    private const int Many = 10_000;

    [Fact]
    public async Task A_socket_does_not_wait_for_10_000_posted_works_and_they_keep_their_order()
    {
        using var fixture = new LoopFixture();
        (Socket peer, TcpChannel channel) = await ConnectToLoopAsync(fixture);
        var order = new List<int>();
        int doneWhenReadable = -1;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await fixture.RunAsync(() =>
        {
            channel.Events = new ActionEvents(onReadable: () => doneWhenReadable = order.Count);
            SendOne(peer, channel);
            for (int i = 0; i < Many; i++)
            {
                int number = i;
                fixture.Loop.Post(() =>
                {
                    order.Add(number);
                    if (order.Count == Many)
                    {
                        all.SetResult();
                    }
                });
            }

            return 0;
        });
        await all.Task.WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
        Assert.InRange(doneWhenReadable, 0, new EventLoopOptions().PostedWorkPerTurnMax);
        Assert.Equal(Enumerable.Range(0, Many), order);
        peer.Dispose();
        await CloseAsync(fixture, channel);
    }

    [Fact]
    public async Task A_socket_does_not_wait_for_10_000_deferred_connections_and_each_gets_its_turn_in_order()
    {
        using var fixture = new LoopFixture();
        (Socket peer, TcpChannel channel) = await ConnectToLoopAsync(fixture);
        var order = new List<int>();
        int doneWhenReadable = -1;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await fixture.RunAsync(() =>
        {
            channel.Events = new ActionEvents(onReadable: () => doneWhenReadable = order.Count);
            SendOne(peer, channel);
            for (int i = 0; i < Many; i++)
            {
                fixture.Loop.RunNextTurn(new Numbered(i, order, all));
            }

            return 0;
        });
        await all.Task.WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);

        // What is ready and what was deferred take turns.
        Assert.InRange(doneWhenReadable, 0, 1);
        Assert.Equal(Enumerable.Range(0, Many), order);
        peer.Dispose();
        await CloseAsync(fixture, channel);
    }

    [Fact]
    public async Task A_thousand_busy_handlers_of_one_share_run_a_few_at_a_time_between_those_of_another()
    {
        const int WorkMicroseconds = 100;
        const int EnoughRuns = 400;
        using var fixture = new LoopFixture();
        (Socket peer, TcpChannel channel) = await ConnectToLoopAsync(fixture, fixture.Loop.CreateShare());
        int floodRuns = 0;
        int mostBetween = 0;
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await fixture.RunAsync(() =>
        {
            int runsBefore = 0;
            bool hasRun = false;
            var victim = new Repeating(fixture.Loop, () =>
            {
                mostBetween = hasRun ? Math.Max(mostBetween, floodRuns - runsBefore) : 0;
                hasRun = true;
                runsBefore = floodRuns;
                if (floodRuns >= EnoughRuns)
                {
                    done.TrySetResult();
                }

                return floodRuns < EnoughRuns;
            });

            // What a handler defers runs within its share.
            channel.Events = new ActionEvents(onReadable: () => fixture.Loop.RunNextTurn(victim));
            for (int i = 0; i < 1_000; i++)
            {
                fixture.Loop.RunNextTurn(new Repeating(fixture.Loop, () =>
                {
                    floodRuns++;
                    long startedTicks = Stopwatch.GetTimestamp();
                    while (Stopwatch.GetElapsedTime(startedTicks).TotalMicroseconds < WorkMicroseconds)
                    {
                        Thread.SpinWait(10);
                    }

                    return !done.Task.IsCompleted;
                }));
            }

            peer.Send([1]);
            return 0;
        });
        await done.Task.WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);

        // Each takes its time or longer, so a turn has no more of them than this, and each turn has one of the other share.
        Assert.InRange(mostBetween, 1, 2 * ((int)new EventLoopOptions().TurnLimit.TotalMicroseconds / WorkMicroseconds + 1));
        peer.Dispose();
        await CloseAsync(fixture, channel);
    }

    [Fact]
    public async Task Sources_that_never_run_dry_share_the_loop_with_each_other_and_with_everybody_else()
    {
        using var fixture = new LoopFixture();
        var meters = new CountingMeter[] { new(), new(), new() };
        ChannelRelay[] relays = await fixture.RunAsync(() => meters.Select(meter =>
        {
            var relay = new ChannelRelay(
                new BottomlessChannel(fixture.Loop, bytesPerRead: 16_384),
                new BottomlessChannel(fixture.Loop, bytesPerRead: 16_384),
                RelayedPair.Limits,
                meter,
                new IgnoringOwner());
            relay.Start();
            return relay;
        }).ToArray());

        // Each of these would wait for ever if one of the six directions did not give up its turn.
        for (int i = 0; i < 100; i++)
        {
            await fixture.RunAsync(() => 0).WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
        }

        long[] moved = await fixture.RunAsync(() =>
        {
            Array.ForEach(relays, relay => relay.Abort());
            return meters.SelectMany(meter => new[] { meter.SentBytes, meter.ReceivedBytes }).ToArray();
        });
        Assert.InRange(moved.Max() - moved.Min(), 0, RelayedPair.Limits.BytesPerTurnMax);
        Assert.NotEqual(0, moved.Min());
    }

    [Fact]
    public async Task A_socket_that_is_never_empty_gives_a_bounded_part_of_it_each_turn()
    {
        const int BytesPerTurnMax = EventLoop.ScratchBytes;
        const long EnoughBytes = 64L * 1024 * 1024;
        using var fixture = new LoopFixture();
        (Socket peer, TcpChannel channel) = await ConnectToLoopAsync(fixture);
        var sending = new Thread(() => SendUntilRefused(peer));
        sending.Start();
        var meter = new CountingMeter();
        (long mostInATurn, int turns) = await fixture.RunAsync(async ValueTask<(long, int)> () =>
        {
            RelayLimits limits = RelayedPair.Limits with { BytesPerTurnMax = BytesPerTurnMax };
            var sink = new BottomlessChannel(fixture.Loop, bytesPerRead: 0);
            var relay = new ChannelRelay(channel, sink, limits, meter, new IgnoringOwner());
            var turn = new LoopCompletion<int>(fixture.Loop);
            relay.Start();
            (long most, int count) = (0, 0);
            for (long before = meter.SentBytes; meter.SentBytes < EnoughBytes; before = meter.SentBytes, count++)
            {
                fixture.Loop.Post(() => turn.TryComplete(0));
                await turn.WaitAsync();
                most = Math.Max(most, meter.SentBytes - before);
            }

            relay.Abort();
            return (most, count);
        }).WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);

        // The last read may go over by less than what it was offered. Two turns may have ended between two looks.
        Assert.InRange(mostInATurn, 1, 2 * (BytesPerTurnMax + EventLoop.ScratchBytes));
        Assert.InRange(turns, EnoughBytes / (2 * (BytesPerTurnMax + EventLoop.ScratchBytes)), int.MaxValue);
        sending.Join();
        peer.Dispose();
    }

    [Fact]
    public async Task Ten_thousand_tiny_records_are_read_in_many_turns()
    {
        using var fixture = new LoopFixture();
        var meter = new CountingMeter();
        int mostReadsInATurn = await fixture.RunAsync(async ValueTask<int> () =>
        {
            var source = new BottomlessChannel(fixture.Loop, bytesPerRead: 1);
            var relay = new ChannelRelay(
                source, new BottomlessChannel(fixture.Loop, bytesPerRead: 0), RelayedPair.Limits, meter, new IgnoringOwner());
            var turn = new LoopCompletion<int>(fixture.Loop);
            relay.Start();
            int most = 0;
            for (int before = 0; source.Reads < Many; before = source.Reads)
            {
                fixture.Loop.Post(() => turn.TryComplete(0));
                await turn.WaitAsync();
                most = Math.Max(most, source.Reads - before);
            }

            relay.Abort();
            return most;
        });
        Assert.InRange(mostReadsInATurn, 1, 2 * RelayedPair.Limits.ReadsPerTurnMax);
    }

    [Fact]
    public async Task A_chain_of_100_000_continuations_does_not_exhaust_the_stack()
    {
        const int Links = 100_000;
        using var fixture = new LoopFixture();
        int reached = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await fixture.RunAsync(() =>
        {
            LoopCompletion<int>[] links = [.. Enumerable.Range(0, Links).Select(_ => new LoopCompletion<int>(fixture.Loop))];
            for (int i = 0; i < Links; i++)
            {
                Follow(links, i);
            }

            Assert.True(links[0].TryComplete(0));
            Assert.InRange(reached, 1, EventLoop.InlineDepthMax);
            return 0;
        });
        await all.Task.WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(Links, reached);

        async void Follow(LoopCompletion<int>[] links, int index)
        {
            Assert.Equal(index, await links[index].WaitAsync());
            reached++;
            if (index + 1 < Links)
            {
                Assert.True(links[index + 1].TryComplete(index + 1));
                Assert.False(links[index + 1].TryComplete(-1));
            }
            else
            {
                all.SetResult();
            }
        }
    }

    private static async Task<(Socket Peer, TcpChannel Channel)> ConnectToLoopAsync(
        LoopFixture fixture, LoopShare? share = null)
    {
        using SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
        Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
        Sockets.Listen(listening, 1).OrThrow("listen");
        var peer = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await peer.ConnectAsync(Sockets.LocalEndPoint(listening));
        Sockets.TryAccept(listening, out SocketHandle? accepted, out _).OrThrow("accept");
        return (peer, await fixture.RunAsync(() =>
        {
            TcpChannel.TryAttach(share ?? fixture.Loop.OwnShare, accepted!, out TcpChannel? channel).OrThrow("epoll_ctl");
            return channel!;
        }));
    }

    /// <summary>Sends a byte that has arrived when this returns.</summary>
    private static void SendOne(Socket peer, TcpChannel channel)
    {
        peer.Send([1]);
        while (!Sockets.Peek(channel.Socket, new byte[1]).Ok)
        {
            Thread.Yield();
        }
    }

    private static void SendUntilRefused(Socket socket)
    {
        byte[] chunk = new byte[256 * 1024];
        try
        {
            while (true)
            {
                socket.Send(chunk);
            }
        }
        catch (SocketException)
        {
            // The relay was aborted: it has taken enough.
        }
    }

    private static Task CloseAsync(LoopFixture fixture, TcpChannel channel) => fixture.RunAsync(() =>
    {
        channel.Close();
        return 0;
    });

    private sealed class Numbered(int number, List<int> order, TaskCompletionSource all) : IReadyHandler
    {
        public void OnReady(EpollEvents events)
        {
            order.Add(number);
            if (order.Count == Many)
            {
                all.SetResult();
            }
        }
    }

    /// <summary>Runs in every turn for as long as it says.</summary>
    private sealed class Repeating(EventLoop loop, Func<bool> body) : IReadyHandler
    {
        public void OnReady(EpollEvents events)
        {
            if (body())
            {
                loop.RunNextTurn(this);
            }
        }
    }

    private sealed class ActionEvents(Action onReadable) : IChannelEvents
    {
        public void OnReadable() => onReadable();

        public void OnWritable()
        {
        }

        public void OnFault()
        {
        }
    }

    private sealed class CountingMeter : IRelayMeter
    {
        public long SentBytes { get; private set; }

        public long ReceivedBytes { get; private set; }

        public void AddSent(long bytes) => SentBytes += bytes;

        public void AddReceived(long bytes) => ReceivedBytes += bytes;
    }

    private sealed class IgnoringOwner : IRelayOwner
    {
        public void OnRelayEnded(RelayEnd end)
        {
        }
    }
}
