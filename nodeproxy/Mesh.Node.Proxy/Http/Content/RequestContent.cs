using System.Buffers;
using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>
/// The content of a request on its way to an upstream, or to one upstream after another: what was taken from the client is recorded while
/// it may be sent once more, up to a bound, and read again from the record.
/// </summary>
/// <remarks>Used for one request after another. Lives on its client's loop.</remarks>
/// <param name="record">Empty.</param>
internal sealed class RequestContent(RecordedBytes record) : IContentReader
{
    private IContentReader _source = null!;
    private ReadOnlySequence<byte> _last;
    private long _recordedMax;
    private long _takenBytes;
    private long _position;
    private bool _isRecording;
    private bool _isFromRecord;
    private bool _isBroken;
    private bool _isEndTold;

    /// <summary>Sees what is taken from the client, once, whatever is sent again; null for nobody.</summary>
    public IContentTap? Tap { get; set; }

    /// <summary>Whether all that was taken from the client, nothing perhaps, can be read from its beginning.</summary>
    public bool CanRewind => !_isBroken && _takenBytes == record.Count;

    /// <inheritdoc/>
    public bool IsComplete => _position == _takenBytes && _source.IsComplete;

    /// <inheritdoc/>
    public long ContentBytes => _source.ContentBytes;

    /// <inheritdoc/>
    public HeaderList Trailers => _source.Trailers;

    /// <summary>Begins the content of the next request.</summary>
    /// <param name="source">The client's.</param>
    public void Begin(IContentReader source)
    {
        _source = source;
        _takenBytes = 0;
        _position = 0;
        _isRecording = false;
        _isFromRecord = false;
        _isBroken = false;
        _isEndTold = false;
        Tap = null;
    }

    /// <summary>Records what is taken from now on, before anything was. Content that is longer is no longer recorded.</summary>
    /// <param name="bytesMax">At most so many.</param>
    public void Record(long bytesMax)
    {
        _recordedMax = bytesMax;
        _isRecording = bytesMax > 0;
    }

    /// <summary>Bytes taken from the client.</summary>
    public long TakenBytes => _takenBytes;

    /// <summary>Whether the client has nothing more to give.</summary>
    public bool IsSourceComplete => _source.IsComplete;

    /// <summary>
    /// Takes content from the client ahead of whoever reads it, who begins anew: so many bytes, or all there is. What is taken so is held
    /// however much may be recorded otherwise; where the pod's buffers have no room for it, <see cref="CanRewind"/> is false.
    /// </summary>
    /// <returns><see cref="ContentStatus.Content"/>, <see cref="ContentStatus.End"/>, or why there is no more.</returns>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public async ValueTask<ContentStatus> TakeAsync(long bytesMax)
    {
        (bool isRecording, long recordedMax) = (_isRecording, _recordedMax);
        _isRecording = true;
        _recordedMax = long.MaxValue;
        _position = _takenBytes;
        ContentStatus status = ContentStatus.Content;
        while (status == ContentStatus.Content && _takenBytes < bytesMax && CanRewind)
        {
            ContentRead read = await ReadAsync();
            status = read.Status;
            if (status == ContentStatus.Content)
            {
                Advance();
            }
        }

        _isRecording = isRecording;
        _recordedMax = recordedMax;
        _position = 0;
        return status;
    }

    /// <summary>Copies the beginning of what was taken, as much as there is room for. Only where it can be rewound.</summary>
    public void CopyTaken(Span<byte> to)
    {
        for (int copied = 0; copied < to.Length;)
        {
            ReadOnlySpan<byte> part = record.From(copied).Span;
            part = part[..Math.Min(part.Length, to.Length - copied)];
            part.CopyTo(to[copied..]);
            copied += part.Length;
        }
    }

    /// <summary>The next read begins anew. Only where that is possible.</summary>
    public void Rewind() => _position = 0;

    /// <summary>It is not read again: what was recorded and has been read is let go.</summary>
    public void Forget()
    {
        _isRecording = false;
        if (_position == _takenBytes)
        {
            record.Clear();
        }
    }

    /// <summary>The request is over.</summary>
    public void End()
    {
        _isRecording = false;
        record.Clear();
    }

    /// <inheritdoc/>
    public bool TryRead(out ContentRead read)
    {
        if (TryReadRecord(out read))
        {
            return true;
        }

        if (!_source.TryRead(out read))
        {
            return false;
        }

        Note(read);
        return true;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public async ValueTask<ContentRead> ReadAsync()
    {
        if (!TryReadRecord(out ContentRead read))
        {
            read = await _source.ReadAsync();
            Note(read);
        }

        return read;
    }

    /// <inheritdoc/>
    public void Advance()
    {
        _position += _last.Length;
        if (!_isFromRecord)
        {
            _takenBytes += _last.Length;
            RecordLast();
            Tap?.OnContent(_last);
            _source.Advance();
        }

        _last = default;
    }

    /// <inheritdoc/>
    public void CancelRead() => _source.CancelRead();

    /// <inheritdoc/>
    public void ForgetCancel() => _source.ForgetCancel();

    private bool TryReadRecord(out ContentRead read)
    {
        _isFromRecord = _position < _takenBytes;
        if (!_isFromRecord)
        {
            read = default;
            return false;
        }

        _last = new ReadOnlySequence<byte>(record.From(_position));
        read = new ContentRead(ContentStatus.Content, _last);
        return true;
    }

    private void Note(in ContentRead read)
    {
        _last = read.Bytes;
        _isBroken |= read.Status is ContentStatus.Refused or ContentStatus.Broken;
        if (read.Status == ContentStatus.End && !_isEndTold)
        {
            _isEndTold = true;
            Tap?.OnEnd(_source.Trailers);
        }
    }

    private void RecordLast()
    {
        if (!_isRecording)
        {
            return;
        }

        _isRecording = _takenBytes <= _recordedMax;
        foreach (ReadOnlyMemory<byte> part in _last)
        {
            _isRecording = _isRecording && record.TryAppend(part.Span);
        }

        if (!_isRecording)
        {
            record.Clear();
        }
    }
}
