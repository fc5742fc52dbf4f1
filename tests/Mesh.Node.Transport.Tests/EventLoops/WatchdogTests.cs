using Mesh.Node.Transport.EventLoops;
using Xunit;
using Signs = Mesh.Node.Transport.EventLoops.LoopWatchdog.LoopSigns;

namespace Mesh.Node.Transport.Tests.EventLoops;

/// <summary>What the watchdog makes of what a loop shows. That it ends the process is shown by a child.</summary>
public sealed class WatchdogTests
{
    private static readonly TimeSpan s_stuckAfter = TimeSpan.FromSeconds(20);

    [Fact]
    public void A_loop_that_sleeps_is_well_however_long()
    {
        Signs well = default;
        for (long atMs = 1_000; atMs < 600_000; atMs += 1_000)
        {
            Assert.Null(LoopWatchdog.Judge(new Signs(atMs, Turns: 7, InTurnMs: 0, HasPosted: false), ref well, s_stuckAfter));
        }
    }

    [Fact]
    public void A_loop_that_always_has_work_and_turns_is_well()
    {
        Signs well = default;
        for (long atMs = 1_000; atMs < 600_000; atMs += 1_000)
        {
            Assert.Null(LoopWatchdog.Judge(new Signs(atMs, Turns: atMs, InTurnMs: 900, HasPosted: true), ref well, s_stuckAfter));
        }
    }

    [Theory]
    [InlineData(20_000, false)]
    [InlineData(20_001, true)]
    public void A_turn_may_last_so_long_and_no_longer(long inTurnMs, bool isFault)
    {
        Signs well = default;
        string? fault = LoopWatchdog.Judge(new Signs(1_000_000, Turns: 7, inTurnMs, HasPosted: false), ref well, s_stuckAfter);
        Assert.Equal(isFault ? "has been in one turn for 20 s" : null, fault);
    }

    [Fact]
    public void A_loop_that_waits_while_work_waits_for_it_has_missed_its_wake_up()
    {
        Signs well = default;
        Assert.Null(LoopWatchdog.Judge(new Signs(1_000, Turns: 7, InTurnMs: 0, HasPosted: false), ref well, s_stuckAfter));
        Assert.Null(LoopWatchdog.Judge(new Signs(100_000, Turns: 7, InTurnMs: 0, HasPosted: false), ref well, s_stuckAfter));
        Assert.Null(LoopWatchdog.Judge(new Signs(110_000, Turns: 7, InTurnMs: 0, HasPosted: true), ref well, s_stuckAfter));
        Assert.Null(LoopWatchdog.Judge(new Signs(120_000, Turns: 7, InTurnMs: 0, HasPosted: true), ref well, s_stuckAfter));
        Assert.Equal(
            "has not taken the work handed to it for 21 s",
            LoopWatchdog.Judge(new Signs(121_000, Turns: 7, InTurnMs: 0, HasPosted: true), ref well, s_stuckAfter));
        Assert.Null(LoopWatchdog.Judge(new Signs(122_000, Turns: 8, InTurnMs: 0, HasPosted: true), ref well, s_stuckAfter));
    }
}
