using System.IO.Pipelines;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>The end of a <see cref="LoopPipe"/> where bytes come out.</summary>
internal sealed class LoopPipeReader(EventLoop loop, PipeBytes content) : PipeReader, IValueTaskSource<ReadResult>
{
    private PipeWaiter _waiter = new(loop);
    private ExceptionDispatchInfo? _fault;
    private CancellationToken _token;
    private bool _hasInputEnded;
    private bool _isCancelled;

    /// <summary>The other end.</summary>
    public LoopPipeWriter Writer { get; set; } = null!;

    /// <summary>Nothing more is read.</summary>
    public bool IsCompleted { get; private set; }

    private bool IsReadable => content.UnexaminedBytes > 0 || _hasInputEnded || _isCancelled;

    /// <inheritdoc/>
    public override bool TryRead(out ReadResult result)
    {
        loop.AssertOnThread();
        if (!IsReadable)
        {
            result = default;
            return false;
        }

        result = Take();
        return true;
    }

    /// <inheritdoc/>
    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        loop.AssertOnThread();
        if (cancellationToken.CanBeCanceled)
        {
            return ReadUntilAsync(cancellationToken);
        }

        return IsReadable ? new ValueTask<ReadResult>(Take()) : new ValueTask<ReadResult>(this, 0);
    }

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    /// <inheritdoc/>
    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        loop.AssertOnThread();
        content.Advance(consumed, examined);
        Writer.OnExamined();
    }

    /// <inheritdoc/>
    public override void CancelPendingRead()
    {
        loop.AssertOnThread();
        _isCancelled = true;
        _waiter.Resume();
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        loop.AssertOnThread();
        if (!IsCompleted)
        {
            IsCompleted = true;
            Writer.OnReaderCompleted(exception);
        }
    }

    /// <summary>There is something to be read.</summary>
    public void OnFlushed() => _waiter.Resume();

    /// <summary>No more will be written, and perhaps a fault is to be told instead of what was.</summary>
    public void OnWriterCompleted(Exception? fault)
    {
        _hasInputEnded = true;
        _fault = fault is null ? null : ExceptionDispatchInfo.Capture(fault);
        _waiter.Resume();
    }

    ReadResult IValueTaskSource<ReadResult>.GetResult(short token) => Take();

    ValueTaskSourceStatus IValueTaskSource<ReadResult>.GetStatus(short token) =>
        IsReadable ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    // The flags could ask for a captured context; there is none on a loop thread, and the loop is where the rest must run.
    void IValueTaskSource<ReadResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _waiter.Set(continuation, state);
        if (IsReadable)
        {
            _waiter.Resume();
        }
    }

    private ReadResult Take()
    {
        if (IsCompleted)
        {
            throw new InvalidOperationException("The reader has been completed.");
        }

        _fault?.Throw();
        bool isCancelled = _isCancelled;
        _isCancelled = false;
        return new ReadResult(content.Flushed, isCancelled, _hasInputEnded);
    }

    /// <summary>Reads for a caller that may give the wait up from another thread.</summary>
    private async ValueTask<ReadResult> ReadUntilAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static reader => ((LoopPipeReader)reader!).CancelFromAnywhere(), this);
        _token = cancellationToken;
        ReadResult result = IsReadable ? Take() : await new ValueTask<ReadResult>(this, 0);
        _token = default;
        if (result.IsCanceled)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        return result;
    }

    private void CancelFromAnywhere()
    {
        if (loop.IsOnThread)
        {
            CancelByToken();
        }
        else
        {
            loop.Post(CancelByToken);
        }
    }

    // Looked at when it is due: the wait it was meant for may be over.
    private void CancelByToken()
    {
        if (_token.IsCancellationRequested)
        {
            CancelPendingRead();
        }
    }
}
