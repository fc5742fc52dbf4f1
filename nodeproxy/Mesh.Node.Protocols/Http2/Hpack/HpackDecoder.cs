using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>Decodes header blocks of one direction of a connection (RFC 7541 §3). Not thread-safe.</summary>
/// <remarks>
/// A block is decoded to its end even when the list is too long, because the next block depends on the table.
/// After a status that ends the connection the decoder must not be used again.
/// </remarks>
public sealed class HpackDecoder
{
    /// <summary>The table size both sides assume before any SETTINGS (RFC 9113 §6.5.2).</summary>
    public const int TableBytesDefault = 4_096;

    private readonly HpackDynamicTable _table = new(TableBytesDefault);
    private readonly int _listBytesMax;
    private readonly long _listBytesFatal;
    private int _tableBytesMax = TableBytesDefault;
    private bool _mustShrink;

    /// <param name="listBytesMax">Above this size of the decoded list, fields are dropped and the list is reported too large.</param>
    /// <param name="listBytesFatal">Above this size decoding stops and the connection must end.</param>
    public HpackDecoder(int listBytesMax, long listBytesFatal)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(listBytesMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(listBytesFatal, listBytesMax);
        _listBytesMax = listBytesMax;
        _listBytesFatal = listBytesFatal;
    }

    /// <summary>Size of the dynamic table in use, for tests and statistics.</summary>
    public int TableBytes => _table.SizeBytes;

    /// <summary>Sets the largest table the encoder may use: our SETTINGS_HEADER_TABLE_SIZE, once it was acknowledged.</summary>
    public void SetTableLimit(int tableBytesMax)
    {
        _tableBytesMax = tableBytesMax;
        _mustShrink = _table.CapacityBytes > tableBytesMax;
    }

    /// <summary>Decodes one complete header block and appends its fields.</summary>
    /// <param name="block">All fragments, one after the other.</param>
    /// <param name="headers">Cleared by the caller.</param>
    public HpackStatus Decode(ReadOnlySpan<byte> block, HeaderList headers)
    {
        long listBytes = 0;
        bool fieldSeen = false;
        while (!block.IsEmpty)
        {
            byte first = block[0];
            HpackStatus status;
            if ((first & 0xE0) == 0x20)
            {
                status = fieldSeen ? HpackStatus.BadSizeUpdate : DecodeSizeUpdate(ref block);
                if (status != HpackStatus.Ok)
                {
                    return status;
                }

                continue;
            }

            if (_mustShrink)
            {
                return HpackStatus.SizeUpdateMissing;
            }

            fieldSeen = true;
            status = (first & 0x80) != 0
                ? DecodeIndexed(ref block, headers, ref listBytes)
                : DecodeLiteral(ref block, headers, ref listBytes);
            if (status != HpackStatus.Ok)
            {
                return status;
            }

            if (listBytes > _listBytesFatal)
            {
                return HpackStatus.ListBomb;
            }
        }

        return listBytes > _listBytesMax ? HpackStatus.ListTooLarge : HpackStatus.Ok;
    }

    private HpackStatus DecodeSizeUpdate(ref ReadOnlySpan<byte> block)
    {
        HpackStatus status = HpackInteger.TryRead(ref block, 5, out int capacityBytes);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        if (capacityBytes > _tableBytesMax)
        {
            return HpackStatus.BadSizeUpdate;
        }

        _table.Resize(capacityBytes);
        _mustShrink = false;
        return HpackStatus.Ok;
    }

    private HpackStatus DecodeIndexed(ref ReadOnlySpan<byte> block, HeaderList headers, ref long listBytes)
    {
        HpackStatus status = HpackInteger.TryRead(ref block, 7, out int index);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        if (index == 0 || index > HpackStaticTable.Count + _table.Count)
        {
            return HpackStatus.BadIndex;
        }

        bool isStatic = index <= HpackStaticTable.Count;
        int age = index - HpackStaticTable.Count - 1;
        ReadOnlySpan<byte> name = isStatic ? HpackStaticTable.Name(index) : _table.Name(age);
        ReadOnlySpan<byte> value = isStatic ? HpackStaticTable.Value(index) : _table.Value(age);
        listBytes += name.Length + value.Length + HeaderList.FieldOverheadBytes;
        if (listBytes <= _listBytesMax)
        {
            headers.Add(name, value);
        }

        return HpackStatus.Ok;
    }

    private HpackStatus DecodeLiteral(ref ReadOnlySpan<byte> block, HeaderList headers, ref long listBytes)
    {
        byte first = block[0];
        bool insert = (first & 0xC0) == 0x40;
        bool neverIndex = (first & 0xF0) == 0x10;

        HpackStatus status = HpackInteger.TryRead(ref block, insert ? 6 : 4, out int nameIndex);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        if (nameIndex > HpackStaticTable.Count + _table.Count)
        {
            return HpackStatus.BadIndex;
        }

        // The field is written to the tail of the list, so that it lies outside the table while the table evicts.
        int nameBytes;
        if (nameIndex == 0)
        {
            status = DecodeString(ref block, headers, 0, out nameBytes);
            if (status != HpackStatus.Ok)
            {
                return status;
            }
        }
        else
        {
            ReadOnlySpan<byte> known = nameIndex <= HpackStaticTable.Count
                ? HpackStaticTable.Name(nameIndex)
                : _table.Name(nameIndex - HpackStaticTable.Count - 1);
            nameBytes = known.Length;
            known.CopyTo(headers.Tail(nameBytes));
        }

        status = DecodeString(ref block, headers, nameBytes, out int valueBytes);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        if (insert)
        {
            ReadOnlySpan<byte> field = headers.Tail(nameBytes + valueBytes);
            _table.Insert(field[..nameBytes], field.Slice(nameBytes, valueBytes), fieldHash: 0);
        }

        listBytes += nameBytes + valueBytes + HeaderList.FieldOverheadBytes;
        if (listBytes <= _listBytesMax)
        {
            headers.CommitTail(nameBytes, valueBytes, neverIndex);
        }

        return HpackStatus.Ok;
    }

    private static HpackStatus DecodeString(ref ReadOnlySpan<byte> block, HeaderList headers, int tailBytes, out int bytes)
    {
        bytes = 0;
        if (block.IsEmpty)
        {
            return HpackStatus.Truncated;
        }

        bool isHuffman = (block[0] & 0x80) != 0;
        HpackStatus status = HpackInteger.TryRead(ref block, 7, out int encodedBytes);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        if (encodedBytes > block.Length)
        {
            return HpackStatus.Truncated;
        }

        ReadOnlySpan<byte> encoded = block[..encodedBytes];
        block = block[encodedBytes..];
        if (isHuffman)
        {
            Span<byte> tail = headers.Tail(tailBytes + HuffmanCode.DecodedBytesMax(encodedBytes));
            return HuffmanCode.TryDecode(encoded, tail[tailBytes..], out bytes) ? HpackStatus.Ok : HpackStatus.BadHuffman;
        }

        encoded.CopyTo(headers.Tail(tailBytes + encodedBytes)[tailBytes..]);
        bytes = encodedBytes;
        return HpackStatus.Ok;
    }
}
