using System.IO.Pipelines;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>The end of a <see cref="LoopPipe"/> where bytes go in.</summary>
internal sealed class LoopPipeWriter(EventLoop loop, PipeBytes content, int bytesMax) : PipeWriter, IValueTaskSource<FlushResult>
{
    private PipeWaiter _waiter = new(loop);
    private ExceptionDispatchInfo? _fault;
    private CancellationToken _token;
    private bool _isCompleted;
    private bool _isCancelled;
    private bool _isFull;

    /// <summary>The other end.</summary>
    public LoopPipeReader Reader { get; set; } = null!;

    /// <inheritdoc/>
    public override bool CanGetUnflushedBytes => true;

    /// <inheritdoc/>
    public override long UnflushedBytes => content.UnflushedBytes;

    private bool IsFlushed => !_isFull || _isCancelled;

    /// <inheritdoc/>
    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        loop.AssertOnThread();
        if (_isCompleted)
        {
            throw new InvalidOperationException("The writer has been completed.");
        }

        return content.Room(sizeHint);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    /// <inheritdoc/>
    public override void Advance(int bytes)
    {
        // Written for nobody: it is not kept.
        if (!Reader.IsCompleted)
        {
            content.Wrote(bytes);
        }
    }

    /// <inheritdoc/>
    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        loop.AssertOnThread();
        if (cancellationToken.CanBeCanceled)
        {
            return FlushUntilAsync(cancellationToken);
        }

        HandOver();
        return IsFlushed ? new ValueTask<FlushResult>(Result()) : new ValueTask<FlushResult>(this, 0);
    }

    /// <inheritdoc/>
    public override void CancelPendingFlush()
    {
        loop.AssertOnThread();
        _isCancelled = true;
        _waiter.Resume();
    }

    /// <inheritdoc/>
    public override void Complete(Exception? exception = null)
    {
        loop.AssertOnThread();
        if (_isCompleted)
        {
            return;
        }

        _isCompleted = true;
        content.Flush();
        if (Reader.IsCompleted)
        {
            content.Clear();
        }

        Reader.OnWriterCompleted(exception);
    }

    /// <summary>What <see cref="GetMemory"/> gave last is not used: an empty pipe holds nothing any more.</summary>
    public void LetGoOfRoom() => content.TakeRoomBack();

    /// <summary>The reader has looked at more.</summary>
    public void OnExamined()
    {
        if (_isFull && content.UnexaminedBytes < bytesMax / 2)
        {
            _isFull = false;
            _waiter.Resume();
        }
    }

    /// <summary>Nobody reads any more: what is there goes, and what is written from now on.</summary>
    public void OnReaderCompleted(Exception? fault)
    {
        _fault = fault is null ? null : ExceptionDispatchInfo.Capture(fault);
        _isFull = false;
        if (content.UnflushedBytes == 0)
        {
            content.Clear();
        }

        _waiter.Resume();
    }

    FlushResult IValueTaskSource<FlushResult>.GetResult(short token) => Result();

    ValueTaskSourceStatus IValueTaskSource<FlushResult>.GetStatus(short token) =>
        IsFlushed ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    // As in the reader: the loop is where the rest must run.
    void IValueTaskSource<FlushResult>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        _waiter.Set(continuation, state);
        if (IsFlushed)
        {
            _waiter.Resume();
        }
    }

    /// <summary>Hands over what was written. Whoever waits for it runs inside this call.</summary>
    private void HandOver()
    {
        if (content.UnflushedBytes == 0)
        {
            return;
        }

        content.Flush();
        if (Reader.IsCompleted)
        {
            content.Clear();
            return;
        }

        _isFull = bytesMax > 0 && content.UnexaminedBytes >= bytesMax;
        Reader.OnFlushed();
    }

    private FlushResult Result()
    {
        _fault?.Throw();
        bool isCancelled = _isCancelled;
        _isCancelled = false;
        return new FlushResult(isCancelled, Reader.IsCompleted);
    }

    /// <summary>Flushes for a caller that may give the wait up from another thread.</summary>
    private async ValueTask<FlushResult> FlushUntilAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        HandOver();
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static writer => ((LoopPipeWriter)writer!).CancelFromAnywhere(), this);
        _token = cancellationToken;
        FlushResult result = IsFlushed ? Result() : await new ValueTask<FlushResult>(this, 0);
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
            CancelPendingFlush();
        }
    }
}
