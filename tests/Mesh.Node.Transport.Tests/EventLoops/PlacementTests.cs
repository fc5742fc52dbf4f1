using System.Diagnostics;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Transport.Tests.EventLoops;

/// <summary>How busy a loop is said to be, and which loop a connection is given by it.</summary>
public sealed class PlacementTests
{
    private static readonly long s_ms = Stopwatch.Frequency / 1000;

    [Fact]
    public void Busyness_is_the_share_of_a_window_and_holds_until_the_next()
    {
        var meter = new BusyMeter(0);
        Assert.Equal(0, meter.Permille(0, inTurnMs: 0));

        // 40 ms of turns in a window that closes at 100 ms.
        meter.OnTurnEnd(50 * s_ms, 10 * s_ms);
        Assert.Equal(0, meter.Permille(50 * s_ms, inTurnMs: 0));
        meter.OnTurnEnd(100 * s_ms, 40 * s_ms);
        Assert.Equal(400, meter.Permille(100 * s_ms, inTurnMs: 0));
        Assert.Equal(400, meter.Permille(190 * s_ms, inTurnMs: 0));

        meter.OnTurnEnd(210 * s_ms, 150 * s_ms);
        Assert.Equal(1000, meter.Permille(210 * s_ms, inTurnMs: 0));
    }

    [Fact]
    public void A_loop_that_has_closed_no_window_for_a_while_slept_or_is_in_one_long_turn()
    {
        var meter = new BusyMeter(0);
        meter.OnTurnEnd(100 * s_ms, 100 * s_ms);
        Assert.Equal(1000, meter.Permille(300 * s_ms, inTurnMs: 0));
        Assert.Equal(0, meter.Permille(301 * s_ms, inTurnMs: 0));
        Assert.Equal(10, meter.Permille(5_100 * s_ms, inTurnMs: 50));
        Assert.Equal(1000, meter.Permille(5_100 * s_ms, inTurnMs: 6_000));
    }

    [Fact]
    public void Long_sleep_counts_as_sleep_when_the_window_closes()
    {
        var meter = new BusyMeter(0);
        meter.OnTurnEnd(10_000 * s_ms, 100 * s_ms);
        Assert.Equal(10, meter.Permille(10_000 * s_ms, inTurnMs: 0));
    }

    [Fact]
    public async Task A_connection_goes_home_unless_home_is_loaded_and_another_is_not()
    {
        using var group = EventLoopGroup.Start(3, new EventLoopOptions());
        Assert.All(group.Loops, home => Assert.Same(home, group.PickFor(home)));

        using (new Load(group.Loops[0]))
        {
            await UntilAsync(() => group.Loops[0].BusyPermille > 900 && group.Loops[1].BusyPermille < 300 && group.Loops[2].BusyPermille < 300);
            int[] given = Count(group, group.Loops[0]);

            // Every second one stays; the idle loops share the rest.
            Assert.Equal(500, given[0]);
            Assert.InRange(given[1], 100, 400);
            Assert.InRange(given[2], 100, 400);
            Assert.Equal([0, 1000, 0], Count(group, group.Loops[1]));

            using var second = new Load(group.Loops[1]);
            using var third = new Load(group.Loops[2]);
            await UntilAsync(() => group.Loops.All(loop => loop.BusyPermille > 900));
            Assert.Equal([1000, 0, 0], Count(group, group.Loops[0]));
        }

        await UntilAsync(() => group.Loops[0].BusyPermille < 300);
        Assert.Equal([1000, 0, 0], Count(group, group.Loops[0]));
    }

    [Fact]
    public void A_single_loop_is_everybodys_home()
    {
        using var group = EventLoopGroup.Start(1, new EventLoopOptions());
        using var load = new Load(group.Loops[0]);
        Assert.Equal([1000], Count(group, group.Loops[0]));
    }

    [Fact]
    public void What_shares_nothing_goes_to_all_loops_in_turn_unless_one_has_more_than_its_part()
    {
        using var group = EventLoopGroup.Start(3, new EventLoopOptions());
        EventLoop home = group.Loops[0];
        Assert.Equal([999, 0, 0], Count(group, home, group.PickEvenly, 999));

        home.ConnectionCount = 8;
        Assert.Equal([333, 333, 333], Count(group, home, group.PickEvenly, 999));

        group.Loops[1].ConnectionCount = 9;
        Assert.Equal([666, 0, 333], Count(group, home, group.PickEvenly, 999));
    }

    [Fact]
    public async Task What_shares_nothing_is_kept_from_a_loop_that_is_busier()
    {
        using var group = EventLoopGroup.Start(2, new EventLoopOptions());
        EventLoop home = group.Loops[0];
        home.ConnectionCount = 8;
        using var load = new Load(group.Loops[1]);
        await UntilAsync(() => group.Loops[1].BusyPermille > 900 && home.BusyPermille < 300);
        Assert.Equal([1000, 0], Count(group, home, group.PickEvenly, 1000));
    }

    private static int[] Count(EventLoopGroup group, EventLoop home) => Count(group, home, group.PickFor, 1000);

    private static int[] Count(EventLoopGroup group, EventLoop home, Func<EventLoop, EventLoop> pick, int times)
    {
        int[] given = new int[group.Loops.Count];
        for (int i = 0; i < times; i++)
        {
            given[pick(home).Index]++;
        }

        return given;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        long started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < SocketIo.Patience, "It never came to be.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Keeps a loop in turns of about a millisecond until disposed.</summary>
    private sealed class Load : LoopWork, IDisposable
    {
        private readonly EventLoop _loop;
        private volatile bool _stopping;

        public Load(EventLoop loop)
        {
            _loop = loop;
            loop.Post(this);
        }

        public override void Run()
        {
            long started = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(started) < TimeSpan.FromMilliseconds(1))
            {
                Thread.SpinWait(100);
            }

            if (!_stopping)
            {
                _loop.Post(this);
            }
        }

        public void Dispose() => _stopping = true;
    }
}
