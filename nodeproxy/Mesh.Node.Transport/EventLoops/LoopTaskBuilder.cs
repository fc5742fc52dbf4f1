using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Mesh.Node.Transport.EventLoops;

/// <summary>
/// Builds the tasks of async methods that wait on a loop: <c>[AsyncMethodBuilder(typeof(LoopTaskBuilder&lt;&gt;))]</c>. A method that waits
/// keeps its state in a box that served an earlier call, so however many calls wait at once, none allocates in the steady state.
/// </summary>
/// <remarks>
/// The runtime's pooling builder keeps one box a thread, which suits one call at a time and not the requests of a loop; and it carries the
/// execution context along, which loop code has none of. Each task is awaited once, at most: afterwards its box serves another call.
/// </remarks>
/// <typeparam name="TResult">What the method returns.</typeparam>
[SuppressMessage("Design", "CA1815", Justification = "The compiler's; nobody compares builders.")]
[SuppressMessage("Performance", "CA1822", Justification = "The compiler's pattern.")]
[SuppressMessage("Style", "IDE0060", Justification = "The compiler's pattern.")]
public struct LoopTaskBuilder<TResult>
{
    private LoopTaskBox<TResult>? _box;
    private TResult? _result;

    /// <summary>The method's task. Asked for once, when the method waits or is over.</summary>
    public readonly ValueTask<TResult> Task => _box is null ? new ValueTask<TResult>(_result!) : new ValueTask<TResult>(_box, _box.Version);

    /// <summary>The box, once the method has waited; null for one that is over without.</summary>
    internal readonly LoopTaskBox<TResult>? Box => _box;

    /// <summary>A builder for one call.</summary>
    [SuppressMessage("Design", "CA1000", Justification = "The compiler's pattern.")]
    public static LoopTaskBuilder<TResult> Create() => default;

    /// <summary>Runs the method until it waits or is over.</summary>
    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    /// <summary>Not used: state lives in boxes of ours.</summary>
    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
    }

    /// <summary>The method is over.</summary>
    public void SetResult(TResult result)
    {
        if (_box is null)
        {
            _result = result;
        }
        else
        {
            _box.SetResult(result);
        }
    }

    /// <summary>The method has failed.</summary>
    public void SetException(Exception exception)
    {
        _box ??= new LoopTaskBox<TResult>();
        _box.SetException(exception);
    }

    /// <summary>The method waits.</summary>
    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.OnCompleted(Keep(ref stateMachine));

    /// <inheritdoc cref="AwaitOnCompleted"/>
    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.UnsafeOnCompleted(Keep(ref stateMachine));

    /// <summary>Moves the method's state into a box, at its first wait, and says how it goes on.</summary>
    private Action Keep<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine
    {
        if (_box is LoopTaskBox<TResult> kept)
        {
            return kept.GoOn!;
        }

        var box = LoopTaskBox<TResult>.Of<TStateMachine>.Rent();

        // Before the copy: this builder is a part of the state.
        _box = box;
        box.StateMachine = stateMachine;
        return box.GoOn!;
    }
}

/// <summary>As <see cref="LoopTaskBuilder{TResult}"/>, for methods that return nothing.</summary>
[SuppressMessage("Design", "CA1815", Justification = "The compiler's; nobody compares builders.")]
[SuppressMessage("Performance", "CA1822", Justification = "The compiler's pattern.")]
[SuppressMessage("Style", "IDE0060", Justification = "The compiler's pattern.")]
public struct LoopTaskBuilder
{
    private LoopTaskBuilder<bool> _builder;

    /// <inheritdoc cref="LoopTaskBuilder{TResult}.Task"/>
    public readonly ValueTask Task => _builder.Box is LoopTaskBox<bool> box ? new ValueTask(box, box.Version) : default;

    /// <inheritdoc cref="LoopTaskBuilder{TResult}.Create"/>
    public static LoopTaskBuilder Create() => default;

    /// <inheritdoc cref="LoopTaskBuilder{TResult}.Start"/>
    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    /// <inheritdoc cref="LoopTaskBuilder{TResult}.SetStateMachine"/>
    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
    }

    /// <inheritdoc cref="LoopTaskBuilder{TResult}.SetResult"/>
    public void SetResult() => _builder.SetResult(true);

    /// <inheritdoc cref="LoopTaskBuilder{TResult}.SetException"/>
    public void SetException(Exception exception) => _builder.SetException(exception);

    /// <inheritdoc cref="LoopTaskBuilder{TResult}.AwaitOnCompleted"/>
    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => _builder.AwaitOnCompleted(ref awaiter, ref stateMachine);

    /// <inheritdoc cref="LoopTaskBuilder{TResult}.AwaitOnCompleted"/>
    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => _builder.AwaitUnsafeOnCompleted(ref awaiter, ref stateMachine);
}
