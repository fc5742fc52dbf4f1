using System.Runtime.CompilerServices;
using System.Threading.Tasks.Sources;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>What an async method that waits is known by: its task's source. As such, one that failed before it waited.</summary>
internal class LoopTaskBox<TResult> : IValueTaskSource<TResult>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<TResult> _core;

    /// <summary>Tells one use from the next.</summary>
    public short Version => _core.Version;

    /// <summary>Runs the method on; null for one that has failed before it waited.</summary>
    public Action? GoOn { get; protected init; }

    public void SetResult(TResult result) => _core.SetResult(result);

    public void SetException(Exception exception) => _core.SetException(exception);

    public TResult GetResult(short token)
    {
        // Another call's token, or one too early, is a mistake that must not give the box away.
        if (_core.GetStatus(token) == ValueTaskSourceStatus.Pending)
        {
            throw new InvalidOperationException("The call has not ended.");
        }

        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            Return();
        }
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    // As with LoopCompletion: there is no context to go back to.
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, ValueTaskSourceOnCompletedFlags.None);

    /// <summary>The call is over and its result was taken.</summary>
    protected virtual void Return()
    {
    }

    /// <summary>Boxes of one method. Each thread keeps those that are free.</summary>
    internal sealed class Of<TStateMachine> : LoopTaskBox<TResult>
        where TStateMachine : IAsyncStateMachine
    {
        /// <summary>Boxes a thread keeps: what more calls than that leave at once goes.</summary>
        private const int FreeMax = 1024;

        [ThreadStatic]
        private static Of<TStateMachine>? t_free;

        [ThreadStatic]
        private static int t_freeCount;

        private Of<TStateMachine>? _next;

        /// <summary>The method's state. A field: it runs in place.</summary>
        public TStateMachine StateMachine = default!;

        private Of() => GoOn = () => StateMachine.MoveNext();

        public static Of<TStateMachine> Rent()
        {
            Of<TStateMachine>? free = t_free;
            if (free is null)
            {
                return new Of<TStateMachine>();
            }

            t_free = free._next;
            free._next = null;
            t_freeCount--;
            return free;
        }

        protected override void Return()
        {
            // Lets go of what the method held.
            StateMachine = default!;
            if (t_freeCount < FreeMax)
            {
                _next = t_free;
                t_free = this;
                t_freeCount++;
            }
        }
    }
}
