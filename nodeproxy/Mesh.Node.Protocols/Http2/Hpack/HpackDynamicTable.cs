using System.Diagnostics;
using System.Numerics;

namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>The dynamic table of one direction of a connection (RFC 7541 §2.3.2, §4). Not thread-safe.</summary>
/// <remarks>
/// Entries are a ring, newest last; their bytes stand one after the other in one array, so that names and values are spans. When the
/// end of the array is reached, what lives is moved to its front: the array grows to twice the capacity, so that a byte is moved at most
/// once for each byte inserted. Invariant T: the sum of the live entries, each 32 bytes more than its name and value, never exceeds
/// <see cref="CapacityBytes"/>.
/// </remarks>
internal sealed class HpackDynamicTable(int capacityBytes)
{
    /// <summary>What each entry costs beside its bytes (RFC 7541 §4.1).</summary>
    public const int EntryOverheadBytes = 32;

    private const int EntriesInitial = 16;
    private const int BytesInitial = 512;

    private Entry[] _entries = [];
    private int[] _fieldHashes = [];
    private int _oldest;
    private byte[] _bytes = [];
    private int _bytesEnd;

    /// <summary>The size in force; a smaller one evicts.</summary>
    public int CapacityBytes { get; private set; } = capacityBytes;

    /// <summary>Live entries.</summary>
    public int Count { get; private set; }

    /// <summary>Size of the live entries, overhead included.</summary>
    public int SizeBytes { get; private set; }

    /// <summary>Name of the entry <paramref name="age"/> insertions ago; zero is the newest.</summary>
    public ReadOnlySpan<byte> Name(int age)
    {
        Entry entry = _entries[Slot(age)];
        return _bytes.AsSpan(entry.Offset, entry.NameBytes);
    }

    /// <summary>Value of the entry <paramref name="age"/> insertions ago; zero is the newest.</summary>
    public ReadOnlySpan<byte> Value(int age)
    {
        Entry entry = _entries[Slot(age)];
        return _bytes.AsSpan(entry.Offset + entry.NameBytes, entry.ValueBytes);
    }

    /// <summary>Changes the capacity, evicting what no longer fits.</summary>
    public void Resize(int capacityBytes)
    {
        CapacityBytes = capacityBytes;
        EvictUntil(capacityBytes);
    }

    /// <summary>Adds an entry, evicting the oldest. An entry larger than the table empties it, which is no error (RFC 7541 §4.4).</summary>
    /// <param name="name">Must not lie in this table: eviction may move or overwrite it.</param>
    /// <param name="value">Likewise.</param>
    /// <param name="fieldHash">What <see cref="Find"/> compares first; the decoder passes zero.</param>
    public void Insert(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int fieldHash)
    {
        Debug.Assert(!name.Overlaps(_bytes) && !value.Overlaps(_bytes), "Copy out of the table first.");
        long entryBytes = (long)name.Length + value.Length + EntryOverheadBytes;
        if (entryBytes > CapacityBytes)
        {
            EvictUntil(0);
            return;
        }

        EvictUntil(CapacityBytes - (int)entryBytes);
        EnsureEntry();
        EnsureBytes(name.Length + value.Length);

        int slot = (_oldest + Count) & (_entries.Length - 1);
        _entries[slot] = new Entry(_bytesEnd, name.Length, value.Length);
        _fieldHashes[slot] = fieldHash;
        name.CopyTo(_bytes.AsSpan(_bytesEnd));
        value.CopyTo(_bytes.AsSpan(_bytesEnd + name.Length));
        _bytesEnd += name.Length + value.Length;
        Count++;
        SizeBytes += (int)entryBytes;
    }

    /// <summary>Finds exactly this field.</summary>
    /// <returns>Its age, or -1.</returns>
    public int Find(int fieldHash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<int> hashes = _fieldHashes;
        int searched = 0;
        while (true)
        {
            int found = hashes[searched..].IndexOf(fieldHash);
            if (found < 0)
            {
                return -1;
            }

            int slot = searched + found;
            int order = (slot - _oldest) & (_entries.Length - 1);
            int age = Count - 1 - order;
            if (age >= 0 && Name(age).SequenceEqual(name) && Value(age).SequenceEqual(value))
            {
                return age;
            }

            searched = slot + 1;
        }
    }

    /// <summary>Finds the newest entry of this name.</summary>
    /// <returns>Its age, or -1.</returns>
    public int FindName(ReadOnlySpan<byte> name)
    {
        for (int age = 0; age < Count; age++)
        {
            if (_entries[Slot(age)].NameBytes == name.Length && Name(age).SequenceEqual(name))
            {
                return age;
            }
        }

        return -1;
    }

    private int Slot(int age)
    {
        Debug.Assert((uint)age < (uint)Count, "Only live entries are read.");
        return (_oldest + Count - 1 - age) & (_entries.Length - 1);
    }

    private void EvictUntil(int sizeBytes)
    {
        while (SizeBytes > sizeBytes)
        {
            Entry entry = _entries[_oldest];
            SizeBytes -= entry.NameBytes + entry.ValueBytes + EntryOverheadBytes;
            _oldest = (_oldest + 1) & (_entries.Length - 1);
            Count--;
        }

        if (Count == 0)
        {
            _bytesEnd = 0;
        }
    }

    private void EnsureEntry()
    {
        if (Count < _entries.Length)
        {
            return;
        }

        // A power of two, so that a slot is a mask away. The old ring is unrolled, oldest first.
        int length = Math.Max(EntriesInitial, _entries.Length * 2);
        var entries = new Entry[length];
        int[] hashes = new int[length];
        for (int i = 0; i < Count; i++)
        {
            int slot = (_oldest + i) & (_entries.Length - 1);
            entries[i] = _entries[slot];
            hashes[i] = _fieldHashes[slot];
        }

        _entries = entries;
        _fieldHashes = hashes;
        _oldest = 0;
    }

    private void EnsureBytes(int bytes)
    {
        if (_bytes.Length - _bytesEnd >= bytes)
        {
            return;
        }

        int liveStart = Count == 0 ? _bytesEnd : _entries[_oldest].Offset;
        int live = _bytesEnd - liveStart;
        byte[] target = _bytes;
        if (_bytes.Length < 2 * CapacityBytes || _bytes.Length - live < bytes)
        {
            int wanted = Math.Max(BytesInitial, Math.Max(_bytes.Length * 2, live + bytes));
            target = new byte[(int)BitOperations.RoundUpToPowerOf2((uint)wanted)];
        }

        _bytes.AsSpan(liveStart, live).CopyTo(target);
        _bytes = target;
        _bytesEnd = live;
        for (int i = 0; i < Count; i++)
        {
            int slot = (_oldest + i) & (_entries.Length - 1);
            _entries[slot] = _entries[slot] with { Offset = _entries[slot].Offset - liveStart };
        }
    }

    private readonly record struct Entry(int Offset, int NameBytes, int ValueBytes);
}
