using System.Buffers;
using System.Diagnostics;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>
/// Reads the content of messages, one after another on a connection, as slices of the input: no byte of content is copied. Not
/// thread-safe; allocates nothing in steady state.
/// </summary>
public sealed class Http1BodyReader
{
    private readonly Http1Options _options;
    private readonly TrailerReader _trailers;
    private ChunkHeadReader _chunkHead;
    private BodyKind _kind;
    private long _remainingBytes;
    private bool _isInTrailers;
    private bool _isComplete = true;

    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range.</exception>
    public Http1BodyReader(Http1Options options)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _trailers = new TrailerReader(options);
    }

    /// <summary>The trailers of chunked content, once it is complete; those that mean nothing there are dropped.</summary>
    public HeaderList Trailers => _trailers.Trailers;

    /// <summary>Why the content was refused; <see cref="Http1Refusal.None"/> until then.</summary>
    public Http1Refusal Refusal { get; private set; }

    /// <summary>Whether nothing of the content is left to be read.</summary>
    public bool IsComplete => _isComplete;

    /// <summary>Bytes of content read so far, without chunk heads and trailers.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>Begins the content of the next message.</summary>
    /// <param name="framing">As the head says. A tunnel is not content: read the connection itself.</param>
    public void Begin(BodyFraming framing)
    {
        Debug.Assert(framing.Kind != BodyKind.Tunnel, "A tunnel has no end that its bytes tell.");
        _kind = framing.Kind;
        _remainingBytes = framing.Kind == BodyKind.Length ? framing.ContentBytes : 0;
        _chunkHead = default;
        _isInTrailers = false;
        _isComplete = !framing.HasContent;
        _trailers.Reset();
        Refusal = Http1Refusal.None;
        ContentBytes = 0;
    }

    /// <summary>Reads the next content.</summary>
    /// <param name="input">Advanced past what was read.</param>
    /// <param name="content">With <see cref="Http1ReadStatus.Content"/>, a slice of the input, not empty.</param>
    /// <returns>Content while there is some, then complete: call until it is something else than content.</returns>
    public Http1ReadStatus Read(ref ReadOnlySequence<byte> input, out ReadOnlySequence<byte> content)
    {
        content = default;
        if (Refusal != Http1Refusal.None)
        {
            return Http1ReadStatus.Refused;
        }

        if (_isComplete)
        {
            return Http1ReadStatus.Complete;
        }

        if (_kind == BodyKind.Chunked)
        {
            return ReadChunked(ref input, out content);
        }

        if (input.IsEmpty)
        {
            return Http1ReadStatus.NeedMore;
        }

        TakeContent(ref input, _kind == BodyKind.Length ? _remainingBytes : long.MaxValue, out content);
        _isComplete = _kind == BodyKind.Length && _remainingBytes == 0;
        return Http1ReadStatus.Content;
    }

    /// <summary>Says that the input has ended, after all of it was read.</summary>
    /// <returns>Complete where the end of the connection is the end of the content; refused as truncated where it is not.</returns>
    public Http1ReadStatus End()
    {
        if (Refusal != Http1Refusal.None)
        {
            return Http1ReadStatus.Refused;
        }

        _isComplete |= _kind == BodyKind.UntilClose;
        return _isComplete ? Http1ReadStatus.Complete : Refuse(Http1Refusal.Truncated);
    }

    private Http1ReadStatus ReadChunked(ref ReadOnlySequence<byte> input, out ReadOnlySequence<byte> content)
    {
        content = default;
        while (true)
        {
            if (_isInTrailers)
            {
                Http1ReadStatus status = _trailers.Read(ref input);
                _isComplete = status == Http1ReadStatus.Complete;
                return status == Http1ReadStatus.Refused ? Refuse(_trailers.Refusal) : status;
            }

            if (input.IsEmpty)
            {
                return Http1ReadStatus.NeedMore;
            }

            if (_remainingBytes > 0)
            {
                TakeContent(ref input, _remainingBytes, out content);
                if (_remainingBytes == 0)
                {
                    _chunkHead.OnDataEnd();
                }

                return Http1ReadStatus.Content;
            }

            ReadOnlySpan<byte> span = FirstSpan(ref input);
            bool isComplete = _chunkHead.TryRead(span, _options, out int consumedBytes, out Http1Refusal refusal);
            input = input.Slice(consumedBytes);
            if (refusal != Http1Refusal.None)
            {
                return Refuse(refusal);
            }

            if (isComplete)
            {
                _remainingBytes = _chunkHead.ChunkBytes;
                _isInTrailers = _remainingBytes == 0;
            }
        }
    }

    /// <summary>The first bytes of an input that has some, past segments that have none.</summary>
    private static ReadOnlySpan<byte> FirstSpan(ref ReadOnlySequence<byte> input)
    {
        ReadOnlySpan<byte> span = input.FirstSpan;
        while (span.IsEmpty)
        {
            SequencePosition next = input.Start;
            input.TryGet(ref next, out _);
            input = input.Slice(next);
            span = input.FirstSpan;
        }

        return span;
    }

    private void TakeContent(ref ReadOnlySequence<byte> input, long bytesMax, out ReadOnlySequence<byte> content)
    {
        long bytes = Math.Min(input.Length, bytesMax);
        content = input.Slice(0, bytes);
        input = input.Slice(bytes);
        ContentBytes += bytes;
        if (_kind != BodyKind.UntilClose)
        {
            _remainingBytes -= bytes;
        }
    }

    private Http1ReadStatus Refuse(Http1Refusal refusal)
    {
        Refusal = refusal;
        return Http1ReadStatus.Refused;
    }
}
