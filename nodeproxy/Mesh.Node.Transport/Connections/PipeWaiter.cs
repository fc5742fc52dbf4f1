using System.Diagnostics;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>Who waits at one end of a <see cref="LoopPipe"/>: nobody, or one.</summary>
/// <remarks>A mutable struct: keep it in a field that is not readonly.</remarks>
internal struct PipeWaiter(EventLoop loop)
{
    private Action<object?>? _continuation;
    private object? _state;

    /// <summary>Somebody waits from now on.</summary>
    public void Set(Action<object?> continuation, object? state)
    {
        Debug.Assert(_continuation is null, "One end of a pipe, one wait.");
        _continuation = continuation;
        _state = state;
    }

    /// <summary>Resumes whoever waits: inside this call, unless too many run one inside the other.</summary>
    public void Resume()
    {
        if (_continuation is Action<object?> continuation)
        {
            object? state = _state;
            _continuation = null;
            _state = null;
            loop.PipeScheduler.Schedule(continuation, state);
        }
    }
}
