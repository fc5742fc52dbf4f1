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
            var wheel = new TimerWheel(16, 8, nowMs);
            var recorders = Enumerable.Range(0, 100).Select(_ => new Recorder(() => 0)).ToArray();
            var timers = recorders.Select((r, i) => new LoopTimer(fixture.Loop, r) { DueMs = nowMs + (i * 7) }).ToArray();
            Array.ForEach(timers, wheel.Add);
            for (int i = 0; i < timers.Length; i += 3)
            {
                wheel.Remove(timers[i]);
            }

            for (long at = nowMs; at < nowMs + 2_000; at += 16)
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
            var wheel = new TimerWheel(16, 8, nowMs);
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
}
