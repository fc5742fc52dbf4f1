using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Origination;

/// <summary>Somebody on a loop who waits, for a bounded time and once, for a context that another thread makes.</summary>
internal sealed class OriginationWait(EventLoop loop) : LoopWork, ITimerHandler
{
    private static readonly OriginationContext s_late = new(null, "What the rule says of TLS could not be read in time.");
    private static readonly OriginationContext s_givenUp = new(null, "The connection was given up.");

    private readonly LoopCompletion<OriginationContext> _made = new(loop);
    private OriginationContext? _result;

    /// <summary>What was made, or why there is nothing. On the loop.</summary>
    public async ValueTask<OriginationContext> WaitAsync(TimeSpan limit)
    {
        var timer = new LoopTimer(loop, this);
        timer.Arm(limit);
        OriginationContext made = await _made.WaitAsync();
        timer.Cancel();
        return made;
    }

    /// <summary>Ends the wait, if there is one. On the loop.</summary>
    public void Cancel() => _made.TryComplete(s_givenUp);

    /// <summary>Ends the wait, if there still is one. Once, from another thread.</summary>
    public void PostBack(OriginationContext result)
    {
        _result = result;
        loop.Post(this);
    }

    public override void Run() => _made.TryComplete(_result!);

    void ITimerHandler.OnTimer(LoopTimer timer) => _made.TryComplete(s_late);
}
