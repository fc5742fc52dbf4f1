using System.Buffers;
using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Mirrors;

/// <summary>
/// A copy of a request's content on its way to a mirror: what the mirror has not taken yet is held, within the pod's buffers and a bound.
/// </summary>
/// <remarks>Used for one request after another. Lives on the request's loop.</remarks>
internal sealed class MirrorContent(EventLoop loop, BufferBudget budget, long heldBytesMax) : IContentReader
{
    private readonly LoopCompletion<bool> _change = new(loop);
    private HeldBytes _held = new(budget);
    private int _readBytes;
    private bool _isCancelled;

    /// <summary>Whether all of it was given.</summary>
    public bool IsEnded { get; private set; }

    /// <inheritdoc/>
    public bool IsComplete => IsEnded && _held.IsEmpty;

    /// <inheritdoc/>
    public long ContentBytes { get; private set; }

    /// <inheritdoc/>
    public HeaderList Trailers { get; } = new();

    /// <summary>Begins the content of the next request.</summary>
    /// <param name="hasContent">Whether there is any.</param>
    public void Begin(bool hasContent)
    {
        Clear();
        ContentBytes = 0;
        IsEnded = !hasContent;
        _isCancelled = false;
        Trailers.Clear();
    }

    /// <summary>Takes a copy; false when the mirror is so far behind that no more is held.</summary>
    public bool TryTake(in ReadOnlySequence<byte> bytes)
    {
        if (_held.Count + bytes.Length > heldBytesMax)
        {
            return false;
        }

        foreach (ReadOnlyMemory<byte> part in bytes)
        {
            if (!_held.TryAppend(part.Span, loop.Buffers))
            {
                return false;
            }
        }

        _change.TryComplete(true);
        return true;
    }

    /// <summary>That was all.</summary>
    public void End(HeaderList trailers)
    {
        Trailers.CopyFrom(trailers);
        IsEnded = true;
        _change.TryComplete(true);
    }

    /// <summary>Lets go of what is held.</summary>
    public void Clear() => _held.Clear(loop.Buffers);

    /// <inheritdoc/>
    public bool TryRead(out ContentRead read)
    {
        if (_isCancelled)
        {
            _isCancelled = false;
            read = new ContentRead(ContentStatus.Cancelled);
        }
        else if (!_held.IsEmpty)
        {
            ReadOnlyMemory<byte> first = _held.FirstMemory;
            _readBytes = first.Length;
            read = new ContentRead(ContentStatus.Content, new ReadOnlySequence<byte>(first));
        }
        else
        {
            read = new ContentRead(ContentStatus.End);
            return IsEnded;
        }

        return true;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public async ValueTask<ContentRead> ReadAsync()
    {
        ContentRead read;
        while (!TryRead(out read))
        {
            await _change.WaitAsync();
        }

        return read;
    }

    /// <inheritdoc/>
    public void Advance()
    {
        ContentBytes += _readBytes;
        _held.Consume(_readBytes, loop.Buffers);
        _readBytes = 0;
    }

    /// <inheritdoc/>
    public void CancelRead()
    {
        _isCancelled = true;
        _change.TryComplete(false);
    }

    /// <inheritdoc/>
    public void ForgetCancel() => _isCancelled = false;
}
