using System.Buffers.Binary;
using System.Text;
using Mesh.Fuzz.Oracles;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>One HTTP/2 frame as its bytes say, read without any code of the product (RFC 9113 §4.1).</summary>
internal sealed record WireFrame(byte Type, byte Flags, int StreamId, byte[] Payload)
{
    public const byte Headers = 1;
    public const byte Settings = 4;
    public const byte Ping = 6;
    public const byte WindowUpdate = 8;

    private const int HeaderBytes = 9;

    /// <summary>The whole frames of what one side sent; what a client says before them must be there, and is not among them.</summary>
    public static List<WireFrame> ReadAll(ReadOnlySpan<byte> bytes, bool isFromClient)
    {
        if (isFromClient)
        {
            ReadOnlySpan<byte> preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;
            Assert.True(bytes.StartsWith(preface), "There is no preface.");
            bytes = bytes[preface.Length..];
        }

        List<WireFrame> frames = [];
        while (bytes.Length >= HeaderBytes)
        {
            int payloadBytes = (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];
            if (bytes.Length < HeaderBytes + payloadBytes)
            {
                break;
            }

            int streamId = BinaryPrimitives.ReadInt32BigEndian(bytes[5..]) & int.MaxValue;
            frames.Add(new WireFrame(bytes[3], bytes[4], streamId, bytes.Slice(HeaderBytes, payloadBytes).ToArray()));
            bytes = bytes[(HeaderBytes + payloadBytes)..];
        }

        return frames;
    }

    /// <summary>The parameters of a SETTINGS frame, as "identifier=value" by identifier: their order has no meaning.</summary>
    public IEnumerable<string> ReadSettings() => Payload.Chunk(6)
        .Select(entry => (Id: BinaryPrimitives.ReadUInt16BigEndian(entry), Value: BinaryPrimitives.ReadUInt32BigEndian(entry.AsSpan(2))))
        .OrderBy(setting => setting.Id)
        .Select(setting => $"{setting.Id}={setting.Value}");

    /// <summary>The increment of a WINDOW_UPDATE frame.</summary>
    public uint ReadIncrement() => BinaryPrimitives.ReadUInt32BigEndian(Payload);

    /// <summary>
    /// The fields of the first header block of a connection, as "name: value", with a mark where no hop may index them. Knows only the
    /// static table's entries that HBONE has a use for; no other may occur (RFC 7541).
    /// </summary>
    public List<string> ReadFields()
    {
        List<(string Name, string Value)> indexed = [];
        List<string> fields = [];
        int at = 0;
        while (at < Payload.Length)
        {
            byte first = Payload[at];
            if (first >= 0x80)
            {
                (string name, string value) = EntryOf(ReadInteger(ref at, 7));
                fields.Add($"{name}: {value}");
                continue;
            }

            // A change of the table's size would be of no consequence to what follows; ours has no reason to send one.
            Assert.False(first is >= 0x20 and < 0x40, "The table's size is changed.");
            bool isIndexed = first >= 0x40;
            int index = ReadInteger(ref at, isIndexed ? 6 : 4);
            string literalName = index == 0 ? ReadText(ref at) : EntryOf(index).Name;
            string literalValue = ReadText(ref at);
            fields.Add($"{literalName}: {literalValue}{(first is >= 0x10 and < 0x20 ? " (never indexed)" : "")}");
            if (isIndexed)
            {
                indexed.Insert(0, (literalName, literalValue));
            }
        }

        return fields;

        (string Name, string Value) EntryOf(int index) => index switch
        {
            1 => (":authority", ""),
            2 => (":method", "GET"),
            8 => (":status", "200"),
            12 => (":status", "400"),
            > 61 => indexed[index - 62],
            _ => throw new InvalidDataException($"Entry {index} of the static table is none of HBONE's."),
        };
    }

    private string ReadText(ref int at)
    {
        bool isHuffman = Payload[at] >= 0x80;
        int bytes = ReadInteger(ref at, 7);
        byte[] text = Payload[at..(at + bytes)];
        at += bytes;
        return Encoding.ASCII.GetString(isHuffman ? SlowHuffman.Decode(text)! : text);
    }

    private int ReadInteger(ref int at, int prefixBits)
    {
        int value = Payload[at++] & ((1 << prefixBits) - 1);
        if (value < (1 << prefixBits) - 1)
        {
            return value;
        }

        int shift = 0;
        byte next;
        do
        {
            next = Payload[at++];
            value += (next & 0x7f) << shift;
            shift += 7;
        }
        while (next >= 0x80);
        return value;
    }
}
