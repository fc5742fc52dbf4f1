using System.Diagnostics;
using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

public sealed class IntervalTimerTests
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMicroseconds(500);

    [Fact]
    public void A_wait_ends_with_an_expiration_and_no_expiration_is_lost()
    {
        using EpollHandle epoll = EpollHandle.Create();
        long start = Stopwatch.GetTimestamp();
        using var timer = new IntervalTimer(s_interval);
        epoll.Add(timer.Handle, EpollEvents.In, token: 1).OrThrow("epoll_ctl");
        ReadyEvent[] events = new ReadyEvent[1];
        long taken = 0;
        while (taken < 100)
        {
            Assert.Equal(1, TcpPair.WaitReady(epoll, events));
            taken += timer.TakeExpirations();
        }

        // Not one too many either: an expiration never comes before its time.
        Assert.True(Stopwatch.GetElapsedTime(start) >= s_interval * taken);
    }

    [Fact]
    public void Before_its_time_there_is_no_expiration()
    {
        using var timer = new IntervalTimer(TimeSpan.FromHours(25));

        Assert.Equal(0, timer.TakeExpirations());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void An_interval_takes_time(int milliseconds) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new IntervalTimer(TimeSpan.FromMilliseconds(milliseconds)).Dispose());

    [Fact]
    public void A_closed_timer_is_not_read()
    {
        var timer = new IntervalTimer(s_interval);
        timer.Dispose();

        Assert.Throws<ObjectDisposedException>(() => timer.TakeExpirations());
    }
}
