using Mesh.Node.Model;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Loops;

/// <summary>One connection that waits, for a bounded time, until the configuration says something.</summary>
internal sealed class ConfigurationWait(EventLoop loop, Func<MeshSnapshot, bool> condition) : ITimerHandler
{
    private readonly LoopCompletion<bool> _completion = new(loop);

    /// <summary>True when the condition was met in time.</summary>
    public async ValueTask<bool> WaitAsync(TimeSpan timeLimit)
    {
        var timer = new LoopTimer(loop, this);
        timer.Arm(timeLimit);
        bool met = await _completion.WaitAsync();
        timer.Cancel();
        return met;
    }

    /// <summary>Tries the condition on a new configuration.</summary>
    public void Look(MeshSnapshot snapshot)
    {
        if (condition(snapshot))
        {
            _completion.TryComplete(true);
        }
    }

    void ITimerHandler.OnTimer(LoopTimer timer) => _completion.TryComplete(false);
}
