using System.IO.Pipelines;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>Resumes whoever waits for a pipe on the loop, at once: in place, unless too many are running one inside the other.</summary>
/// <remarks>
/// A pipe is completed by the loop or by code that runs on it, so nothing changes threads here, and Debug builds fail where it would.
/// Beyond <see cref="EventLoop.InlineDepthMax"/> the rest runs in the next turn, as with <see cref="LoopCompletion{T}"/>.
/// </remarks>
internal sealed class LoopScheduler(EventLoop loop) : PipeScheduler, IReadyHandler
{
    private readonly Queue<(Action<object?> Action, object? State)> _deferred = new();
    private bool _asked;

    public override void Schedule(Action<object?> action, object? state)
    {
        loop.AssertOnThread();
        if (loop.TryEnterInline())
        {
            action(state);
            loop.LeaveInline();
            return;
        }

        _deferred.Enqueue((action, state));
        AskTurn();
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        _asked = false;

        // Counted first: whoever is deferred again while we run waits for the next turn.
        for (int left = _deferred.Count; left > 0; left--)
        {
            (Action<object?> action, object? state) = _deferred.Dequeue();
            action(state);
        }
    }

    private void AskTurn()
    {
        if (!_asked)
        {
            _asked = true;
            loop.RunNextTurnForAll(this);
        }
    }
}
