namespace Mesh.Node.Transport.EventLoops;

/// <summary>Is called when a <see cref="LoopTimer"/> falls due.</summary>
public interface ITimerHandler
{
    /// <summary>Runs on the loop thread. The timer is disarmed; it may be armed again here.</summary>
    void OnTimer(LoopTimer timer);
}

/// <summary>A time limit that costs no allocation to arm, move or cancel. Belongs to one loop.</summary>
/// <remarks>Precision: 16 ms up to 4 s, one second beyond. Never early, so a limit is at least what it says.</remarks>
public sealed class LoopTimer(EventLoop loop, ITimerHandler handler)
{
    internal LoopTimer? Previous;
    internal LoopTimer? Next;
    internal TimerWheel? Wheel;

    /// <summary>When it falls due, in the loop's milliseconds. Meaningful while armed.</summary>
    public long DueMs { get; internal set; }

    /// <summary>Whether it will fire.</summary>
    public bool IsArmed => Wheel is not null;

    internal ITimerHandler Handler => handler;

    /// <summary>Fires once after the delay, replacing any earlier arming.</summary>
    public void Arm(TimeSpan delay)
    {
        loop.AssertOnThread();
        Cancel();
        DueMs = loop.NowMs + Math.Max(0, (long)delay.TotalMilliseconds);
        loop.Timers.Add(this, loop.NowMs);
    }

    /// <summary>Will not fire any more. Safe when not armed.</summary>
    public void Cancel()
    {
        loop.AssertOnThread();
        Wheel?.Remove(this);
    }
}
