namespace Mesh.Node.Transport.EventLoops;

/// <summary>Ends the process when a loop stops turning: a stuck loop must be visible, and a restart is the only cure.</summary>
/// <remarks>On a thread of its own, because whatever a loop waits for may have stopped the thread pool too.</remarks>
public sealed class LoopWatchdog : IDisposable
{
    private const int StackBytes = 256 * 1024;
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    private readonly EventLoop[] _loops;
    private readonly LoopSigns[] _well;
    private readonly ManualResetEvent _stopping = new(false);
    private readonly Thread _thread;

    private LoopWatchdog(EventLoop[] loops)
    {
        _loops = loops;
        _well = new LoopSigns[loops.Length];

        // A loop is well when it is born: its first turn has as long as any other.
        Array.Fill(_well, new LoopSigns(Environment.TickCount64, Turns: 0, InTurnMs: 0, HasPosted: false));
        _thread = new Thread(Watch, StackBytes) { Name = "mesh-watchdog", IsBackground = true };
    }

    internal static LoopWatchdog Start(EventLoop[] loops)
    {
        var watchdog = new LoopWatchdog(loops);
        watchdog._thread.Start();
        return watchdog;
    }

    /// <summary>How long the loop has been in its current turn; zero while it waits. Any thread.</summary>
    public static TimeSpan InTurnFor(EventLoop loop) => TimeSpan.FromMilliseconds(loop.InTurnMs);

    /// <summary>Stops watching.</summary>
    public void Dispose()
    {
        _stopping.Set();
        _thread.Join();
        _stopping.Dispose();
    }

    /// <summary>Says what is wrong with a loop, or null.</summary>
    /// <param name="signs">What the loop shows now.</param>
    /// <param name="well">What it showed when it was last known to be well; updated.</param>
    /// <param name="stuckAfter">How long it may take.</param>
    internal static string? Judge(LoopSigns signs, ref LoopSigns well, TimeSpan stuckAfter)
    {
        if (signs.InTurnMs > stuckAfter.TotalMilliseconds)
        {
            return $"has been in one turn for {signs.InTurnMs / 1000} s";
        }

        if (signs.Turns != well.Turns || !signs.HasPosted)
        {
            well = signs;
            return null;
        }

        long idleMs = signs.AtMs - well.AtMs;
        return idleMs > stuckAfter.TotalMilliseconds ? $"has not taken the work handed to it for {idleMs / 1000} s" : null;
    }

    private void Watch()
    {
        while (!_stopping.WaitOne(s_period))
        {
            for (int i = 0; i < _loops.Length; i++)
            {
                EventLoop loop = _loops[i];
                var signs = new LoopSigns(Environment.TickCount64, loop.Turns, loop.InTurnMs, loop.HasPosted);
                if (Judge(signs, ref _well[i], loop.StuckAfter) is string fault)
                {
                    Environment.FailFast($"Event loop {loop.Name} {fault}.");
                }
            }
        }
    }

    /// <summary>What a loop shows to a thread that looks at it.</summary>
    /// <param name="AtMs">When, in <see cref="Environment.TickCount64"/>.</param>
    /// <param name="Turns">Turns completed.</param>
    /// <param name="InTurnMs">Age of the turn it is in; 0 while it waits.</param>
    /// <param name="HasPosted">Whether work handed to it has not been taken.</param>
    internal readonly record struct LoopSigns(long AtMs, long Turns, long InTurnMs, bool HasPosted);
}
