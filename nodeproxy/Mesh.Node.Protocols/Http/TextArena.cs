namespace Mesh.Node.Protocols.Http;

/// <summary>Short texts of one message head in one reusable buffer. Allocates only to grow.</summary>
internal sealed class TextArena
{
    private const int BufferBytesInitial = 256;
    private const int BufferBytesKept = 4 * 1024;

    private byte[] _buffer = new byte[BufferBytesInitial];
    private int _usedBytes;

    public ReadOnlySpan<byte> this[TextRange range] => _buffer.AsSpan(range.Offset, range.Bytes);

    public TextRange Add(scoped ReadOnlySpan<byte> text)
    {
        text.CopyTo(Reserve(text.Length, out TextRange range));
        return range;
    }

    /// <summary>As <see cref="Add(ReadOnlySpan{byte})"/>, for a text in two parts.</summary>
    public TextRange Add(scoped ReadOnlySpan<byte> start, scoped ReadOnlySpan<byte> rest)
    {
        Span<byte> room = Reserve(start.Length + rest.Length, out TextRange range);
        start.CopyTo(room);
        rest.CopyTo(room[start.Length..]);
        return range;
    }

    /// <summary>Forgets every text, and the buffer too when one long text made it large.</summary>
    public void Clear()
    {
        _usedBytes = 0;
        if (_buffer.Length > BufferBytesKept)
        {
            _buffer = new byte[BufferBytesInitial];
        }
    }

    /// <summary>Takes over another's texts, at the same ranges.</summary>
    public void CopyFrom(TextArena other)
    {
        _usedBytes = 0;
        other._buffer.AsSpan(0, other._usedBytes).CopyTo(Reserve(other._usedBytes, out _));
    }

    private Span<byte> Reserve(int bytes, out TextRange range)
    {
        if (_buffer.Length - _usedBytes < bytes)
        {
            // A text may be copied from this very arena, so the old buffer stays as it is.
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _usedBytes + bytes));
        }

        range = new TextRange(_usedBytes, bytes);
        _usedBytes += bytes;
        return _buffer.AsSpan(range.Offset, bytes);
    }
}
