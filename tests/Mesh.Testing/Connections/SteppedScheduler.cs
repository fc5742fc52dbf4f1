using System.IO.Pipelines;

namespace Mesh.Testing.Connections;

/// <summary>Runs continuations on the thread that causes them, one after the other and never one inside the other.</summary>
/// <remarks>Two ends in memory answer each other at once: run in place, a conversation would use up the stack.</remarks>
internal sealed class SteppedScheduler : PipeScheduler
{
    private readonly Queue<(Action<object?> Action, object? State)> _waiting = new();
    private bool _isRunning;

    public override void Schedule(Action<object?> action, object? state)
    {
        _waiting.Enqueue((action, state));
        if (_isRunning)
        {
            return;
        }

        _isRunning = true;
        try
        {
            while (_waiting.TryDequeue(out (Action<object?> Action, object? State) next))
            {
                next.Action(next.State);
            }
        }
        finally
        {
            _isRunning = false;
        }
    }
}
