using System.Diagnostics;

namespace Mesh.Node.Protocols.Http2;

/// <summary>An ordered list of header fields in one reusable buffer. Not thread-safe; allocates only to grow.</summary>
/// <remarks>A list given to a handler belongs to the connection and changes after the call.</remarks>
public sealed class HeaderList
{
    /// <summary>What each field costs beside its bytes when a list is measured (RFC 9113 §6.5.2).</summary>
    public const int FieldOverheadBytes = 32;

    private const int BufferBytesInitial = 1_024;
    private const int FieldsInitial = 16;

    private byte[] _buffer = new byte[BufferBytesInitial];
    private Entry[] _entries = new Entry[FieldsInitial];
    private int _usedBytes;

    /// <summary>Number of fields.</summary>
    public int Count { get; private set; }

    /// <summary>Size as SETTINGS_MAX_HEADER_LIST_SIZE counts it: names, values and 32 bytes a field.</summary>
    public int ListBytes => _usedBytes + (Count * FieldOverheadBytes);

    /// <exception cref="ArgumentOutOfRangeException">There is no such field.</exception>
    public HeaderField this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            Entry entry = _entries[index];
            return new HeaderField(
                _buffer.AsSpan(entry.Offset, entry.NameBytes),
                _buffer.AsSpan(entry.Offset + entry.NameBytes, entry.ValueBytes),
                entry.NeverIndex);
        }
    }

    /// <summary>Appends a field. Names are lower case; nothing is checked here.</summary>
    public void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndex = false)
    {
        Span<byte> tail = Tail(name.Length + value.Length);
        name.CopyTo(tail);
        value.CopyTo(tail[name.Length..]);
        CommitTail(name.Length, value.Length, neverIndex);
    }

    /// <summary>Forgets every field and keeps the buffer.</summary>
    public void Clear()
    {
        Count = 0;
        _usedBytes = 0;
    }

    /// <summary>Finds the first field of that name.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        for (int i = 0; i < Count; i++)
        {
            Entry entry = _entries[i];
            if (_buffer.AsSpan(entry.Offset, entry.NameBytes).SequenceEqual(name))
            {
                value = _buffer.AsSpan(entry.Offset + entry.NameBytes, entry.ValueBytes);
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>
    /// Room for the next field, which <see cref="CommitTail"/> then adds; calling it again starts over, keeping what was written.
    /// </summary>
    internal Span<byte> Tail(int bytes)
    {
        if (_buffer.Length - _usedBytes < bytes)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _usedBytes + bytes));
        }

        return _buffer.AsSpan(_usedBytes);
    }

    /// <summary>Adds the field whose name and value were written, one after the other, to <see cref="Tail"/>.</summary>
    internal void CommitTail(int nameBytes, int valueBytes, bool neverIndex)
    {
        Debug.Assert(_buffer.Length - _usedBytes >= nameBytes + valueBytes, "The field was written to the tail.");
        if (Count == _entries.Length)
        {
            Array.Resize(ref _entries, _entries.Length * 2);
        }

        _entries[Count++] = new Entry(_usedBytes, nameBytes, valueBytes, neverIndex);
        _usedBytes += nameBytes + valueBytes;
    }

    /// <summary>Forgets every field, and the buffer too when one large list made it large.</summary>
    internal void ClearAndShrink(int keepBytesMax)
    {
        Clear();
        if (_buffer.Length > keepBytesMax)
        {
            _buffer = new byte[BufferBytesInitial];
            _entries = new Entry[FieldsInitial];
        }
    }

    private readonly record struct Entry(int Offset, int NameBytes, int ValueBytes, bool NeverIndex);
}
