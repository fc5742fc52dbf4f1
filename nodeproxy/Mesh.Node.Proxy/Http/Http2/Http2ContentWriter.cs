using System.Buffers;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>What we send on one stream: the content of a message, or the bytes of a tunnel.</summary>
/// <remarks>
/// Large pieces go into the session's output as they are; small ones, and what the peer's windows do not take yet, are held. A flush waits
/// until nothing is held, so a stream whose peer does not read waits by itself. DATA leaves at the end of the turn without a flush.
/// </remarks>
internal sealed class Http2ContentWriter : IContentWriter
{
    /// <summary>From this size on, the bytes of one write make frames of their own.</summary>
    private const int DirectBytesMin = 4 * 1024;

    private readonly Http2SessionStream _stream;
    private readonly EventLoop _loop;
    private readonly BufferPool _blocks;
    private readonly LoopCompletion<bool> _flushed;
    private readonly HeaderList _trailers = new();
    private HeldBytes _held = new(null);
    private BodyKind _kind;
    private long _remainingBytes;
    private long _stalledSinceMs = -1;
    private bool _isEndSent;
    private bool _isBroken;

    public Http2ContentWriter(Http2SessionStream stream, EventLoop loop)
    {
        _stream = stream;
        _loop = loop;
        _blocks = loop.Buffers;
        _flushed = new LoopCompletion<bool>(loop);
    }

    /// <inheritdoc/>
    public int UnflushedBytes => (int)Math.Min(int.MaxValue, _held.Count);

    /// <summary>Whether the message has been written to its end. It may not have left yet.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Begins the content of a message whose head was sent.</summary>
    /// <param name="framing">What its head said.</param>
    /// <param name="isEndSent">Its head ended our side of the stream.</param>
    public void Begin(BodyFraming framing, bool isEndSent)
    {
        _kind = framing.Kind;
        _remainingBytes = framing.Kind == BodyKind.Length ? framing.ContentBytes : 0;
        _isEndSent = isEndSent;
        IsEnded = false;
    }

    /// <inheritdoc/>
    public bool TryWrite(in ReadOnlySequence<byte> content)
    {
        long bytes = content.Length;
        if (bytes > 0 && (_kind == BodyKind.None || (_kind == BodyKind.Length && bytes > _remainingBytes)))
        {
            return false;
        }

        _remainingBytes -= bytes;
        foreach (ReadOnlyMemory<byte> segment in content)
        {
            if (!_isBroken)
            {
                Write(segment.Span);
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryEnd(HeaderList trailers)
    {
        if (_kind == BodyKind.Length && _remainingBytes > 0)
        {
            return false;
        }

        IsEnded = true;
        if (trailers.Count > 0 && _kind != BodyKind.Tunnel)
        {
            Http2Trailers.Write(trailers, _trailers);
        }

        Send();
        return true;
    }

    /// <inheritdoc/>
    public ValueTask<bool> FlushAsync()
    {
        Send();
        return _isBroken ? new ValueTask<bool>(false)
            : _held.IsEmpty ? new ValueTask<bool>(true)
            : _flushed.WaitAsync();
    }

    /// <summary>Begins to serve another stream.</summary>
    internal void Reset()
    {
        _trailers.Clear();
        _kind = BodyKind.None;
        _stalledSinceMs = -1;
        _isEndSent = false;
        _isBroken = false;
        IsEnded = false;
    }

    /// <summary>For how long the peer has taken nothing of what is held, in milliseconds; 0 while nothing is, or some was taken.</summary>
    internal long StalledMs(long nowMs) => _stalledSinceMs < 0 ? 0 : nowMs - _stalledSinceMs;

    /// <summary>There may be room again.</summary>
    internal void OnSendable()
    {
        if (!_held.IsEmpty)
        {
            Send();
            if (_held.IsEmpty)
            {
                _flushed.TryComplete(true);
            }
        }
    }

    /// <summary>The stream has ended: what it did not take, it never will. Who waits is told by <see cref="Wake"/>.</summary>
    internal void Break()
    {
        if (!_isEndSent)
        {
            _isBroken = true;
            _stalledSinceMs = -1;
            if (!_held.IsEmpty)
            {
                _held.Clear(_blocks);
            }
        }
    }

    /// <summary>Ends a wait for room that will never be.</summary>
    internal void Wake()
    {
        if (_isBroken)
        {
            _flushed.TryComplete(false);
        }
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length >= DirectBytesMin)
        {
            // What is held goes first.
            Send();
            while (_held.IsEmpty && !bytes.IsEmpty)
            {
                Span<byte> room = _stream.Reserve(bytes.Length);
                if (room.IsEmpty)
                {
                    break;
                }

                bytes[..room.Length].CopyTo(room);
                _stream.Commit(room.Length, endStream: false);
                bytes = bytes[room.Length..];
            }
        }

        _held.TryAppend(bytes, _blocks);
    }

    /// <summary>Sends what windows and output take; behind the last of a message its end.</summary>
    private void Send()
    {
        while (!_held.IsEmpty)
        {
            ReadOnlySpan<byte> first = _held.First;
            Span<byte> room = _stream.Reserve(first.Length);
            if (room.IsEmpty)
            {
                _stalledSinceMs = _stalledSinceMs < 0 ? _loop.NowMs : _stalledSinceMs;
                return;
            }

            _stalledSinceMs = -1;
            first[..room.Length].CopyTo(room);
            bool isEnd = IsEnded && _held.Count == room.Length && _trailers.Count == 0;
            _isEndSent |= isEnd;
            _held.Consume(room.Length, _blocks);
            _stream.Commit(room.Length, isEnd);
        }

        if (IsEnded && !_isEndSent && !_isBroken)
        {
            _isEndSent = true;
            if (_trailers.Count > 0)
            {
                _stream.TrySend(_trailers, endStream: true);
            }
            else
            {
                _stream.CompleteSend();
            }
        }
    }
}
