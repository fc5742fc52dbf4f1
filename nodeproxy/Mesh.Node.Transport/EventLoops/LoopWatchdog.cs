namespace Mesh.Node.Transport.EventLoops;

/// <summary>Ends the process when a loop stops turning: a stuck loop must be visible, and a restart is the only cure.</summary>
public sealed class LoopWatchdog : IDisposable
{
    private readonly EventLoop[] _loops;
    private readonly Timer _timer;

    private LoopWatchdog(EventLoop[] loops, TimeSpan period)
    {
        _loops = loops;
        _timer = new Timer(static state => ((LoopWatchdog)state!).Check(), this, period, period);
    }

    internal static LoopWatchdog Start(EventLoop[] loops) => new(loops, TimeSpan.FromSeconds(1));

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    /// <summary>How long the loop has been in its current turn; zero while it waits.</summary>
    public static TimeSpan InTurnFor(EventLoop loop)
    {
        long startedMs = loop.TurnStartedMs;
        return startedMs == 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Environment.TickCount64 - startedMs);
    }

    private void Check()
    {
        foreach (EventLoop loop in _loops)
        {
            TimeSpan inTurn = InTurnFor(loop);
            if (inTurn > loop.StuckAfter)
            {
                Environment.FailFast($"Event loop {loop.Name} has been in one turn for {inTurn.TotalSeconds:F0} s.");
            }
        }
    }
}
