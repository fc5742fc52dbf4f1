using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Transport.Tests.EventLoops;

public sealed class TimerTests
{
    private sealed class Recorder(Func<long> now) : ITimerHandler
    {
        public List<long> FiredAtMs { get; } = [];

        public void OnTimer(LoopTimer timer) => FiredAtMs.Add(now());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(100)]
    [InlineData(4_000)]
    [InlineData(5_000)]
    [InlineData(600_000)]
    [InlineData(3_600_000)]
    public async Task A_timer_is_never_early_and_at_most_one_tick_late(int delayMs)
    {
        using var fixture = new LoopFixture();
        (long fired, long due) = await fixture.RunAsync(() =>
        {
            long nowMs = fixture.Loop.NowMs;
            var wheels = new TimerWheels(nowMs);
            long clockMs = nowMs;
            var recorder = new Recorder(() => clockMs);
            var timer = new LoopTimer(fixture.Loop, recorder) { DueMs = nowMs + delayMs };
            wheels.Add(timer, nowMs);
            for (int i = 0; i < 10_000 && recorder.FiredAtMs.Count == 0; i++)
            {
                int waitMs = wheels.WaitMs(clockMs);
                Assert.InRange(waitMs, 0, int.MaxValue);
                clockMs += Math.Max(1, waitMs);
                wheels.Advance(clockMs);
            }

            Assert.False(timer.IsArmed);
            Assert.Equal(0, wheels.Count);
            return (Assert.Single(recorder.FiredAtMs), nowMs + delayMs);
        });
        Assert.InRange(fired, due, due + 2_000);
        if (delayMs < 4_000)
        {
            Assert.InRange(fired, due, due + 33);
        }
    }

    [Fact]
    public async Task A_cancelled_timer_does_not_fire_and_its_neighbours_do()
    {
        using var fixture = new LoopFixture();
        int[] fired = await fixture.RunAsync(() =>
        {
            long nowMs = fixture.Loop.NowMs;
            var wheel = new TimerWheel(16, 64, nowMs);
            var recorders = Enumerable.Range(0, 100).Select(_ => new Recorder(() => 0)).ToArray();
            var timers = recorders.Select((r, i) => new LoopTimer(fixture.Loop, r) { DueMs = nowMs + (i * 7) }).ToArray();
            Array.ForEach(timers, wheel.Add);
            for (int i = 0; i < timers.Length; i += 3)
            {
                wheel.Remove(timers[i]);
            }

            for (long at = nowMs; at < nowMs + 3_000; at += 16)
            {
                wheel.Advance(at);
            }

            Assert.Equal(0, wheel.Count);
            return recorders.Select(r => r.FiredAtMs.Count).ToArray();
        });
        Assert.All(fired.Select((count, i) => (count, i)), pair => Assert.Equal(pair.i % 3 == 0 ? 0 : 1, pair.count));
    }

    [Fact]
    public async Task A_long_stall_fires_everything_that_fell_due()
    {
        using var fixture = new LoopFixture();
        int fired = await fixture.RunAsync(() =>
        {
            long nowMs = fixture.Loop.NowMs;
            var wheel = new TimerWheel(16, 64, nowMs);
            var recorder = new Recorder(() => 0);
            for (int i = 0; i < 50; i++)
            {
                wheel.Add(new LoopTimer(fixture.Loop, recorder) { DueMs = nowMs + (i * 40) });
            }

            wheel.Advance(nowMs + 10_000);
            return recorder.FiredAtMs.Count;
        });
        Assert.Equal(50, fired);
    }

    [Fact]
    public async Task Handlers_may_cancel_and_arm_any_timer_of_the_slot_that_fires()
    {
        using var fixture = new LoopFixture();
        string order = await fixture.RunAsync(() =>
        {
            long nowMs = fixture.Loop.NowMs;
            var wheel = new TimerWheel(16, 64, nowMs);
            var fired = new List<string>();
            LoopTimer first = null!;
            LoopTimer Add(string name, Action? onFired = null)
            {
                var timer = new LoopTimer(fixture.Loop, new Named(() =>
                {
                    fired.Add(name);
                    onFired?.Invoke();
                }))
                { DueMs = nowMs + 10 };
                wheel.Add(timer);
                return timer;
            }

            // What was added last fires first.
            LoopTimer last = Add("last");
            Add("middle");
            LoopTimer next = Add("next");
            first = Add("first", () =>
            {
                if (fired.Count == 1)
                {
                    wheel.Remove(next);
                    wheel.Remove(last);
                    wheel.Add(first);
                    Add("newcomer");
                }
            });
            for (long at = nowMs; at < nowMs + 500; at += 16)
            {
                wheel.Advance(at);
            }

            Assert.Equal(0, wheel.Count);
            Assert.Equal(-1, wheel.WaitMs(nowMs));
            return string.Join(' ', fired);
        });
        Assert.Equal("first middle newcomer first", order);
    }

    [Fact]
    public async Task The_wait_ends_at_the_next_occupied_slot_wherever_in_the_ring_it_is()
    {
        using var fixture = new LoopFixture();
        await fixture.RunAsync(() =>
        {
            for (int start = 0; start < 256; start += 7)
            {
                for (int ahead = 1; ahead <= 255; ahead += 3)
                {
                    long nowMs = (1_000_000L * 16) + (start * 16);
                    var wheel = new TimerWheel(16, 256, nowMs);
                    wheel.Add(new LoopTimer(fixture.Loop, new Named(() => { })) { DueMs = nowMs + (ahead * 16) });
                    Assert.Equal(ahead * 16, wheel.WaitMs(nowMs));
                }
            }

            return 0;
        });
    }

    [Fact]
    public async Task Ten_thousand_timers_of_one_slot_fire_once_each_and_those_of_later_revolutions_wait()
    {
        using var fixture = new LoopFixture();
        (int early, int all) = await fixture.RunAsync(() =>
        {
            long nowMs = fixture.Loop.NowMs;
            var wheel = new TimerWheel(16, 64, nowMs);
            int fired = 0;
            for (int i = 0; i < 10_000; i++)
            {
                long revolution = i % 2;
                wheel.Add(new LoopTimer(fixture.Loop, new Named(() => fired++)) { DueMs = nowMs + 160 + (revolution * 64 * 16) });
            }

            wheel.Advance(nowMs + 200);
            int firedEarly = fired;
            wheel.Advance(nowMs + 200 + (64 * 16));
            return (firedEarly, fired);
        });
        Assert.Equal((5_000, 10_000), (early, all));
    }

    private sealed class Named(Action onFired) : ITimerHandler
    {
        public void OnTimer(LoopTimer timer) => onFired();
    }
}
