using System.Buffers;
using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>What the peer sends on one stream: the content of a message, or the bytes of a tunnel.</summary>
/// <remarks>
/// What was not taken is held, and is never more than the stream's window, which goes back to the peer as the reader advances. A stream
/// that
/// is reset loses what is held, unless it had been said that this was all.
/// </remarks>
internal sealed class Http2ContentReader : IContentReader
{
    private readonly Http2SessionStream _stream;
    private readonly BufferPool _blocks;
    private readonly LoopCompletion<bool> _arrival;
    private HeldBytes _held;
    private ContentStatus _break;
    private int _offeredBytes;
    private bool _hasEnded;
    private bool _isCancelled;

    public Http2ContentReader(Http2SessionStream stream, EventLoop loop, BufferBudget? budget)
    {
        _stream = stream;
        _blocks = loop.Buffers;
        _arrival = new LoopCompletion<bool>(loop);
        _held = new HeldBytes(budget);
    }

    /// <inheritdoc/>
    public bool IsComplete => _hasEnded && _held.IsEmpty;

    /// <inheritdoc/>
    public long ContentBytes { get; private set; }

    /// <inheritdoc/>
    public HeaderList Trailers { get; } = new();

    /// <inheritdoc/>
    public bool TryRead(out ContentRead read)
    {
        if (_break != ContentStatus.Content)
        {
            read = new ContentRead(_break);
        }
        else if (!_held.IsEmpty)
        {
            ReadOnlyMemory<byte> first = _held.FirstMemory;
            _offeredBytes = first.Length;
            ContentBytes += first.Length;
            read = new ContentRead(ContentStatus.Content, new ReadOnlySequence<byte>(first));
        }
        else if (_hasEnded)
        {
            read = new ContentRead(ContentStatus.End);
        }
        else
        {
            read = new ContentRead(ContentStatus.Cancelled);
            bool isCancelled = _isCancelled;
            _isCancelled = false;
            return isCancelled;
        }

        return true;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public async ValueTask<ContentRead> ReadAsync()
    {
        while (true)
        {
            if (TryRead(out ContentRead read))
            {
                return read;
            }

            // Only that there is something: by the time it is looked at, what was there may have been dropped.
            await _arrival.WaitAsync();
        }
    }

    /// <inheritdoc/>
    public void Advance()
    {
        int bytes = _offeredBytes;
        _offeredBytes = 0;
        if (_held.IsEmpty)
        {
            return; // It was reset while the reader was busy.
        }

        _held.Consume(bytes, _blocks);
        _stream.Consumed(bytes);
    }

    /// <inheritdoc/>
    public void CancelRead()
    {
        _isCancelled = true;
        Wake();
    }

    /// <inheritdoc/>
    public void ForgetCancel() => _isCancelled = false;

    /// <summary>Begins the content of another stream.</summary>
    internal void Begin()
    {
        Trailers.Clear();
        ContentBytes = 0;
        _break = ContentStatus.Content;
        _hasEnded = false;
        _isCancelled = false;
    }

    /// <summary>Takes what came; false when there is no room to hold it.</summary>
    internal bool TryAdd(ReadOnlySpan<byte> bytes, bool isLast)
    {
        bool isHeld = _held.TryAppend(bytes, _blocks);
        if (isHeld)
        {
            _hasEnded |= isLast;
            Wake();
        }

        return isHeld;
    }

    /// <summary>There is no more to come.</summary>
    internal void End()
    {
        _hasEnded = true;
        Wake();
    }

    /// <summary>There is no more to come, and what came is not all of it. Who waits is told by <see cref="Wake"/>.</summary>
    /// <param name="status">Refused or broken.</param>
    internal void Break(ContentStatus status)
    {
        if (!_hasEnded)
        {
            _break = status;
            Drop();
        }
    }

    /// <summary>Lets go of what is held: nobody reads it.</summary>
    internal void Drop()
    {
        if (!_held.IsEmpty)
        {
            _held.Clear(_blocks);
        }
    }

    /// <summary>Ends a wait for which there is an answer.</summary>
    internal void Wake()
    {
        if (_isCancelled || _hasEnded || _break != ContentStatus.Content || !_held.IsEmpty)
        {
            _arrival.TryComplete(true);
        }
    }
}
