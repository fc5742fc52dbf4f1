using System.Text;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Fuzz.Oracles;

/// <summary>A header field as the oracles know it. One character is one byte.</summary>
internal sealed record SlowField(string Name, string Value, bool NeverIndex = false)
{
    public int SizeBytes => Name.Length + Value.Length + 32;

    public override string ToString() => $"{Name}={Value}{(NeverIndex ? " (never)" : "")}";
}

/// <summary>HPACK read the way RFC 7541 tells it: a list of entries, one field after the other, nothing reused.</summary>
internal sealed class SlowHpackDecoder(int listBytesMax, long listBytesFatal)
{
    private const int IntegerMax = (1 << 28) - 1;

    private readonly List<SlowField> _table = []; // Newest first.
    private int _capacityBytes = 4_096;
    private int _limitBytes = 4_096;
    private byte[] _block = [];
    private int _at;

    public int TableBytes => _table.Sum(entry => entry.SizeBytes);

    public void SetTableLimit(int bytes) => _limitBytes = bytes;

    public (HpackStatus Status, List<SlowField> Fields) Decode(byte[] block)
    {
        _block = block;
        _at = 0;
        List<SlowField> fields = [];
        long listBytes = 0;
        bool isFirst = true;
        while (_at < _block.Length)
        {
            byte first = _block[_at];
            if (first is >= 0x20 and < 0x40)
            {
                if (!isFirst)
                {
                    return (HpackStatus.BadSizeUpdate, fields);
                }

                HpackStatus update = ReadInteger(5, out int capacity);
                if (update != HpackStatus.Ok)
                {
                    return (update, fields);
                }

                if (capacity > _limitBytes)
                {
                    return (HpackStatus.BadSizeUpdate, fields);
                }

                _capacityBytes = capacity;
                Evict();
                continue;
            }

            if (_capacityBytes > _limitBytes)
            {
                return (HpackStatus.SizeUpdateMissing, fields);
            }

            isFirst = false;
            HpackStatus status = first >= 0x80 ? ReadIndexed(out SlowField? field) : ReadLiteral(out field);
            if (status != HpackStatus.Ok)
            {
                return (status, fields);
            }

            listBytes += field!.SizeBytes;
            if (listBytes > listBytesFatal)
            {
                return (HpackStatus.ListBomb, fields);
            }

            if (listBytes <= listBytesMax)
            {
                fields.Add(field);
            }
        }

        return (listBytes > listBytesMax ? HpackStatus.ListTooLarge : HpackStatus.Ok, fields);
    }

    private HpackStatus ReadIndexed(out SlowField? field)
    {
        field = null;
        HpackStatus status = ReadInteger(7, out int index);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        SlowField? entry = Entry(index);
        field = entry is null ? null : entry with { NeverIndex = false };
        return entry is null ? HpackStatus.BadIndex : HpackStatus.Ok;
    }

    private HpackStatus ReadLiteral(out SlowField? field)
    {
        field = null;
        byte first = _block[_at];
        bool insert = first >= 0x40;
        bool never = first is >= 0x10 and < 0x20;
        HpackStatus status = ReadInteger(insert ? 6 : 4, out int index);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        string? name = index == 0 ? null : Entry(index)?.Name;
        if (index != 0 && name is null)
        {
            return HpackStatus.BadIndex;
        }

        if (name is null)
        {
            status = ReadString(out name);
            if (status != HpackStatus.Ok)
            {
                return status;
            }
        }

        status = ReadString(out string value);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        field = new SlowField(name, value, never);
        if (insert)
        {
            _table.Insert(0, field);
            Evict();
        }

        return HpackStatus.Ok;
    }

    private SlowField? Entry(int index)
    {
        if (index >= 1 && index <= HpackStaticTable.Count)
        {
            return new SlowField(Text(HpackStaticTable.Name(index)), Text(HpackStaticTable.Value(index)));
        }

        int age = index - HpackStaticTable.Count - 1;
        return age >= 0 && age < _table.Count ? _table[age] : null;
    }

    private void Evict()
    {
        while (TableBytes > _capacityBytes)
        {
            _table.RemoveAt(_table.Count - 1);
        }
    }

    private HpackStatus ReadString(out string text)
    {
        text = "";
        if (_at == _block.Length)
        {
            return HpackStatus.Truncated;
        }

        bool isHuffman = _block[_at] >= 0x80;
        HpackStatus status = ReadInteger(7, out int length);
        if (status != HpackStatus.Ok)
        {
            return status;
        }

        if (length > _block.Length - _at)
        {
            return HpackStatus.Truncated;
        }

        byte[]? bytes = _block[_at..(_at + length)];
        _at += length;
        if (isHuffman)
        {
            bytes = SlowHuffman.Decode(bytes);
            if (bytes is null)
            {
                return HpackStatus.BadHuffman;
            }
        }

        text = Text(bytes);
        return HpackStatus.Ok;
    }

    private HpackStatus ReadInteger(int prefixBits, out int value)
    {
        value = _block[_at++] % (1 << prefixBits);
        if (value < (1 << prefixBits) - 1)
        {
            return HpackStatus.Ok;
        }

        long sum = value;
        long factor = 1;
        for (int bytes = 0; bytes < 5; bytes++)
        {
            if (_at == _block.Length)
            {
                return HpackStatus.Truncated;
            }

            byte next = _block[_at++];
            sum += next % 128 * factor;
            factor *= 128;
            if (sum > IntegerMax)
            {
                return HpackStatus.IntegerTooLarge;
            }

            if (next < 128)
            {
                value = (int)sum;
                return HpackStatus.Ok;
            }
        }

        return HpackStatus.IntegerTooLarge;
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);
}
