using System.Diagnostics;

namespace Mesh.Node.Protocols.Http;

/// <summary>
/// An ordered list of fields, of a head or of trailers, in one reusable buffer. Not thread-safe; allocates only to grow.
/// </summary>
/// <remarks>
/// Every codec reads into it and writes from it. Names are lower case: HTTP/2 demands it, HTTP/1 does not care, so the case a name had in
/// HTTP/1 is not kept. A list given to a handler belongs to the connection and changes after the call.
/// </remarks>
public sealed class HeaderList
{
    /// <summary>What each field costs beside its bytes when a list is measured (RFC 9113 §6.5.2).</summary>
    public const int FieldOverheadBytes = 32;

    /// <summary>What a list that serves one message after another keeps for the next; most heads have far less.</summary>
    internal const int BufferBytesKept = 16 * 1024;

    private const int BufferBytesInitial = 1_024;
    private const int FieldsInitial = 16;

    private byte[] _buffer = new byte[BufferBytesInitial];
    private Entry[] _entries = new Entry[FieldsInitial];
    private int _usedBytes;
    private int _removedBytes;

    /// <summary>Number of fields.</summary>
    public int Count { get; private set; }

    /// <summary>Size as SETTINGS_MAX_HEADER_LIST_SIZE counts it: names, values and 32 bytes a field.</summary>
    public int ListBytes => _usedBytes - _removedBytes + (Count * FieldOverheadBytes);

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
        _removedBytes = 0;
    }

    /// <summary>Takes over the fields of another list, in two copies whatever their number.</summary>
    public void CopyFrom(HeaderList other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Clear();
        if (_entries.Length < other.Count)
        {
            _entries = new Entry[other._entries.Length];
        }

        other._buffer.AsSpan(0, other._usedBytes).CopyTo(Tail(other._usedBytes));
        other._entries.AsSpan(0, other.Count).CopyTo(_entries);
        Count = other.Count;
        _usedBytes = other._usedBytes;
        _removedBytes = other._removedBytes;
    }

    /// <summary>Makes a field the only one of its name: the first keeps its place, the others go; without one it is appended.</summary>
    public void Set(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndex = false)
    {
        int index = IndexOf(name);
        Add(name, value, neverIndex);
        if (index < 0)
        {
            return;
        }

        Entry added = _entries[--Count];
        Remember(_entries[index]);
        _entries[index] = added;
        RemoveAll(name, index + 1);
    }

    /// <summary>Removes every field of that name; the others keep their order.</summary>
    /// <returns>True when there was one.</returns>
    public bool Remove(ReadOnlySpan<byte> name) => RemoveAll(name, 0);

    /// <exception cref="ArgumentOutOfRangeException">There is no such field.</exception>
    public void RemoveAt(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        Remember(_entries[index]);
        _entries.AsSpan(index + 1, Count - index - 1).CopyTo(_entries.AsSpan(index));
        Count--;
    }

    /// <summary>Finds the first field of that name.</summary>
    /// <returns>-1 when there is none.</returns>
    public int IndexOf(ReadOnlySpan<byte> name)
    {
        for (int i = 0; i < Count; i++)
        {
            Entry entry = _entries[i];
            if (_buffer.AsSpan(entry.Offset, entry.NameBytes).SequenceEqual(name))
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Finds the first field of that name.</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        int index = IndexOf(name);
        if (index < 0)
        {
            value = default;
            return false;
        }

        Entry entry = _entries[index];
        value = _buffer.AsSpan(entry.Offset + entry.NameBytes, entry.ValueBytes);
        return true;
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

    private bool RemoveAll(ReadOnlySpan<byte> name, int first)
    {
        int kept = first;
        for (int i = first; i < Count; i++)
        {
            Entry entry = _entries[i];
            if (_buffer.AsSpan(entry.Offset, entry.NameBytes).SequenceEqual(name))
            {
                Remember(entry);
            }
            else
            {
                _entries[kept++] = entry;
            }
        }

        bool isAnyRemoved = kept < Count;
        Count = kept;
        return isAnyRemoved;
    }

    /// <summary>What is removed stays in the buffer until the list is cleared, and counts no longer.</summary>
    private void Remember(Entry removed) => _removedBytes += removed.NameBytes + removed.ValueBytes;

    private readonly record struct Entry(int Offset, int NameBytes, int ValueBytes, bool NeverIndex);
}
