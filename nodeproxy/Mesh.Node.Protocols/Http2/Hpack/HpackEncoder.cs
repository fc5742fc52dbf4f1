using System.Diagnostics;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>Encodes header blocks of one direction of a connection (RFC 7541 §2.4, §6). Not thread-safe.</summary>
/// <remarks>Blocks must be sent in the order they were encoded: each depends on the tables the ones before it left.</remarks>
public sealed class HpackEncoder
{
    private readonly HpackDynamicTable _table = new(HpackDecoder.TableBytesDefault);
    private readonly int _tableBytesWanted;
    private int _capacityPending = -1;
    private int _capacityPendingMin;

    /// <param name="tableBytesWanted">The largest table worth its memory, whatever the peer would allow.</param>
    public HpackEncoder(int tableBytesWanted = HpackDecoder.TableBytesDefault)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tableBytesWanted);
        _tableBytesWanted = tableBytesWanted;
        SetTableLimit(HpackDecoder.TableBytesDefault);
    }

    /// <summary>Size of the dynamic table in use, for tests and statistics.</summary>
    public int TableBytes => _table.SizeBytes;

    /// <summary>Room that encoding <paramref name="headers"/> can never exceed.</summary>
    public static int EncodedBytesMax(HeaderList headers) =>
        headers.ListBytes + (2 * HpackInteger.EncodedBytesMax); // 32 bytes a field cover its three integers; two size updates.

    /// <summary>Applies the peer's SETTINGS_HEADER_TABLE_SIZE; the next block announces the change (RFC 7541 §4.2).</summary>
    public void SetTableLimit(long tableBytesMax)
    {
        int capacity = (int)Math.Min(tableBytesMax, _tableBytesWanted);
        if (_capacityPending < 0 && capacity == _table.CapacityBytes)
        {
            return;
        }

        _capacityPendingMin = _capacityPending < 0 ? capacity : Math.Min(_capacityPendingMin, capacity);
        _capacityPending = capacity;
    }

    /// <summary>Encodes a whole block and returns its size.</summary>
    /// <param name="headers">The fields, in order.</param>
    /// <param name="destination">At least <see cref="EncodedBytesMax"/> bytes.</param>
    public int Encode(HeaderList headers, Span<byte> destination)
    {
        int written = WriteSizeUpdates(destination);
        for (int i = 0; i < headers.Count; i++)
        {
            written += EncodeField(headers[i], destination[written..]);
        }

        return written;
    }

    private int WriteSizeUpdates(Span<byte> destination)
    {
        if (_capacityPending < 0)
        {
            return 0;
        }

        int written = 0;
        if (_capacityPendingMin < _capacityPending)
        {
            // The table went down and up again between two blocks: the low point evicts on both sides.
            written += HpackInteger.Write(destination, 0x20, 5, _capacityPendingMin);
            _table.Resize(_capacityPendingMin);
        }

        written += HpackInteger.Write(destination[written..], 0x20, 5, _capacityPending);
        _table.Resize(_capacityPending);
        _capacityPending = -1;
        return written;
    }

    private int EncodeField(HeaderField field, Span<byte> destination)
    {
        ReadOnlySpan<byte> name = field.Name;
        ReadOnlySpan<byte> value = field.Value;
        int nameHash = HpackHash.Of(name);
        int nameIndex = HpackStaticTable.Find(nameHash, name, value, out int fieldIndex);
        HpackIndexing indexing = field.NeverIndex ? HpackIndexing.Never : HpackIndexingPolicy.For(name, value);
        if (indexing != HpackIndexing.Never && fieldIndex != 0)
        {
            return HpackInteger.Write(destination, 0x80, 7, fieldIndex);
        }

        int fieldHash = 0;
        if (indexing == HpackIndexing.Insert)
        {
            fieldHash = HpackHash.Of(value, nameHash);
            int age = _table.Find(fieldHash, name, value);
            if (age >= 0)
            {
                return HpackInteger.Write(destination, 0x80, 7, HpackStaticTable.Count + 1 + age);
            }

            // An entry that would push half of the table out rarely pays for itself.
            if (name.Length + value.Length + HpackDynamicTable.EntryOverheadBytes > _table.CapacityBytes / 2)
            {
                indexing = HpackIndexing.Omit;
            }
        }

        if (nameIndex == 0)
        {
            int age = _table.FindName(name);
            nameIndex = age < 0 ? 0 : HpackStaticTable.Count + 1 + age;
        }

        (byte pattern, int prefixBits) = indexing switch
        {
            HpackIndexing.Insert => ((byte)0x40, 6),
            HpackIndexing.Never => ((byte)0x10, 4),
            _ => ((byte)0x00, 4),
        };
        int written = HpackInteger.Write(destination, pattern, prefixBits, nameIndex);
        if (nameIndex == 0)
        {
            written += WriteString(name, destination[written..]);
        }

        written += WriteString(value, destination[written..]);
        if (indexing == HpackIndexing.Insert)
        {
            _table.Insert(name, value, fieldHash);
        }

        return written;
    }

    private static int WriteString(ReadOnlySpan<byte> value, Span<byte> destination)
    {
        int huffmanBytes = HuffmanCode.EncodedBytes(value);
        int written;
        if (huffmanBytes < value.Length)
        {
            written = HpackInteger.Write(destination, 0x80, 7, huffmanBytes);
            int encoded = HuffmanCode.Encode(value, destination[written..]);
            Debug.Assert(encoded == huffmanBytes, "The length was written first.");
            return written + encoded;
        }

        written = HpackInteger.Write(destination, 0x00, 7, value.Length);
        value.CopyTo(destination[written..]);
        return written + value.Length;
    }
}
