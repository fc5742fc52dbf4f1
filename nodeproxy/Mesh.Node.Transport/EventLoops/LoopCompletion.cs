using System.Diagnostics;
using System.Threading.Tasks.Sources;
using Mesh.Interop.Linux;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>The one kind of thing loop code awaits: completed on the loop, resumed on the loop, reusable, no allocation.</summary>
/// <remarks>
/// At most one wait is pending. Awaiting anything completed elsewhere would move a connection to the thread pool; whoever has
/// a result from another thread posts to the loop, which then calls <see cref="TryComplete"/>. The continuation runs inline, unless
/// <see cref="EventLoop.InlineDepthMax"/> others are running one inside the other: then it runs in the next turn.
/// </remarks>
public sealed class LoopCompletion<T>(EventLoop loop) : IValueTaskSource<T>, IReadyHandler
{
    private ManualResetValueTaskSourceCore<T> _core;
    private T? _deferredResult;
    private bool _waiting;
    private bool _deferred;

    /// <summary>Whether somebody waits for <see cref="TryComplete"/>.</summary>
    public bool IsWaiting => _waiting;

    /// <summary>Begins a wait. The result comes from <see cref="TryComplete"/>, once.</summary>
    public ValueTask<T> WaitAsync()
    {
        loop.AssertOnThread();
        Debug.Assert(!_waiting && !_deferred, "One completion, one wait.");
        _core.Reset();
        _waiting = true;
        return new ValueTask<T>(this, _core.Version);
    }

    /// <summary>Ends the wait; false when nobody waits (the time limit came first, say).</summary>
    public bool TryComplete(T result)
    {
        loop.AssertOnThread();
        if (!_waiting)
        {
            return false;
        }

        _waiting = false; // Before SetResult: the continuation runs here, inline, and may wait again.
        if (loop.TryEnterInline())
        {
            _core.SetResult(result);
            loop.LeaveInline();
        }
        else
        {
            _deferredResult = result;
            _deferred = true;
            loop.RunNextTurn(this);
        }

        return true;
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        T result = _deferredResult!;
        _deferredResult = default;
        _deferred = false;
        _core.SetResult(result);
    }

    T IValueTaskSource<T>.GetResult(short token)
    {
        loop.AssertOnThread();
        return _core.GetResult(token);
    }

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) => _core.GetStatus(token);

    // The flags could ask for a captured context; there is none on a loop thread, and the loop is where the rest must run.
    void IValueTaskSource<T>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, ValueTaskSourceOnCompletedFlags.None);
}
