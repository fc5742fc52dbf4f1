using System.Buffers.Binary;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Frames;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Fuzz.Targets;

/// <summary>Builds conversations that are mostly right and sometimes a little wrong, and changes them frame by frame.</summary>
internal sealed class Http2InputBuilder(Random random)
{
    private static readonly string[] s_values =
    [
        "", "a", "10.0.0.1:80", "/", "*", "http", "200", "100", "204", "304", "101", "20", "GET", "HEAD", "CONNECT", "OPTIONS", "POST",
        "5", "0", "trailers", "x y", " x", "x\n", "websocket",
    ];

    private static readonly string[] s_names = [":method", ":scheme", ":path", ":authority", ":protocol", ":status", "host", "content-length", "te", "connection", "x", "X", "", "cookie"];

    private readonly HpackEncoder _encoder = new();
    private readonly List<byte> _input = [];
    private int _nextStream = 1;

    public byte[] Build()
    {
        bool isClient = random.Next(2) == 0;
        _input.AddRange([(byte)((random.Next(128) & 0b0011_1110) | (isClient ? 1 : 0)), (byte)random.Next(256)]);
        _nextStream = isClient ? 9 : 1;
        Add(FrameType.Settings, 0, 0, random.Next(4) == 0 ? Settings() : []);
        if (random.Next(4) != 0)
        {
            Add(FrameType.Settings, 1, 0, []);
        }

        for (int frames = random.Next(1, 40); frames > 0; frames--)
        {
            AddFrame(isClient);
        }

        if (!isClient && random.Next(6) == 0)
        {
            AddFlood(random.Next(3));
        }

        return [.. _input];
    }

    /// <summary>Drops, repeats, swaps or changes whole frames, so that lengths stay right.</summary>
    public static byte[]? MutateFrames(byte[] input, Random random)
    {
        List<byte[]> frames = Split(input);
        if (frames.Count < 2)
        {
            return null;
        }

        for (int changes = random.Next(1, 4); changes > 0 && frames.Count > 1; changes--)
        {
            int at = random.Next(1, frames.Count);
            byte[] frame = [.. frames[at]];
            switch (random.Next(8))
            {
                case 0:
                    frames.RemoveAt(at);
                    break;
                case 1:
                    frames.Insert(random.Next(1, frames.Count), frame);
                    break;
                case 2:
                    int other = random.Next(1, frames.Count);
                    (frames[at], frames[other]) = (frames[other], frames[at]);
                    break;
                case 3 when frame.Length >= 9:
                    frame[4] ^= (byte)(1 << random.Next(8)); // A flag.
                    frames[at] = frame;
                    break;
                case 4 when frame.Length >= 9:
                    BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), random.Next(random.Next(3) == 0 ? 200 : 12));
                    frames[at] = frame;
                    break;
                case 5 when frame.Length >= 9:
                    frame[3] = (byte)random.Next(11); // Another type.
                    frames[at] = frame;
                    break;
                case 6 when frame.Length > 9:
                    frame[random.Next(9, frame.Length)] ^= (byte)(1 << random.Next(8));
                    frames[at] = frame;
                    break;
                default:
                    frames.InsertRange(at, Enumerable.Repeat(frame, random.Next(1, 14)));
                    break;
            }
        }

        return [.. frames.SelectMany(frame => frame)];
    }

    /// <summary>
    /// What random frames hardly ever add up to: resets by the peer, resets provoked, more content than the connection takes.
    /// </summary>
    private void AddFlood(int kind)
    {
        for (int i = 0; i < 10; i++, _nextStream += 2)
        {
            var headers = new HeaderList();
            AddHead(headers, isClient: false);
            byte[] block = new byte[HpackEncoder.EncodedBytesMax(headers)];
            Add(FrameType.Headers, 4, _nextStream, block[.._encoder.Encode(headers, block)]);
            switch (kind)
            {
                case 0:
                    Add(FrameType.RstStream, 0, _nextStream, UInt32(8));
                    break;
                case 1:
                    Add(FrameType.WindowUpdate, 0, _nextStream, UInt32(0));
                    break;
                default:
                    Add(FrameType.Data, 0, _nextStream, new byte[random.Next(30_000, 40_000)]);
                    break;
            }
        }
    }

    private static List<byte[]> Split(byte[] input)
    {
        List<byte[]> parts = [input[..Math.Min(2, input.Length)]];
        int at = 2;
        while (at + 9 <= input.Length)
        {
            int length = (input[at] << 16) | (input[at + 1] << 8) | input[at + 2];
            int end = Math.Min(input.Length, at + 9 + length);
            parts.Add(input[at..end]);
            at = end;
        }

        return parts;
    }

    private void AddFrame(bool isClient)
    {
        int stream = Stream(isClient);
        switch (random.Next(isClient ? 12 : 14))
        {
            case 0:
                Add(FrameType.Ping, random.Next(3) == 0 ? 1 : 0, 0, Bytes(8));
                break;
            case 1:
                Add(FrameType.WindowUpdate, 0, random.Next(3) == 0 ? 0 : stream, UInt32(random.Next(8) == 0 ? 0x7FFF_FFFF - 65_535 : random.Next(0, 100)));
                break;
            case 2:
                Add(FrameType.RstStream, 0, stream, UInt32(random.Next(15)));
                break;
            case 3:
                Add(FrameType.Priority, 0, stream, Bytes(5));
                break;
            case 4:
                Add(FrameType.Settings, 0, 0, Settings());
                break;
            case 5 when random.Next(3) == 0:
                Add(FrameType.GoAway, 0, 0, [.. UInt32(random.Next(10)), .. UInt32(0), .. Bytes(random.Next(5))]);
                break;
            case 6:
                Add((FrameType)random.Next(9, 20), random.Next(256), stream, Bytes(random.Next(10)));
                break;
            case 7 or 8 or 9:
                AddData(stream);
                break;
            default:
                AddHeaders(isClient, stream);
                break;
        }
    }

    /// <summary>A stream that is probably open.</summary>
    private int Stream(bool isClient) => isClient ? (2 * random.Next(4)) + 1 : Math.Max(1, _nextStream - 2 - (2 * random.Next(4)));

    private void AddData(int stream)
    {
        int bytes = random.Next(12) == 0 ? random.Next(40_000) : random.Next(3) == 0 ? 0 : random.Next(20);
        int end = random.Next(4) == 0 ? 1 : 0;
        if (random.Next(3) != 0)
        {
            Add(FrameType.Data, end, stream, Bytes(bytes));
            return;
        }

        int padding = random.Next(4) == 0 ? 255 : random.Next(10);
        Add(FrameType.Data, end | 8, stream, [(byte)padding, .. Bytes(bytes), .. new byte[random.Next(20) == 0 ? 0 : padding]]);
    }

    private void AddHeaders(bool isClient, int stream)
    {
        if (!isClient && random.Next(4) != 0)
        {
            stream = _nextStream;
            _nextStream += random.Next(8) == 0 ? 4 : 2;
        }

        byte[] block = Block(isClient);
        int flags = random.Next(2);
        byte[] before = [];
        byte[] after = [];
        if (random.Next(6) == 0)
        {
            after = new byte[random.Next(10)];
            before = [(byte)after.Length];
            flags |= 8;
        }

        if (random.Next(6) == 0)
        {
            before = [.. before, .. Bytes(5)];
            flags |= 0x20;
        }

        int parts = random.Next(5) == 0 ? random.Next(1, 9) : 0;
        int firstBytes = parts == 0 ? block.Length : random.Next(block.Length + 1);
        Add(FrameType.Headers, flags | (parts == 0 ? 4 : 0), stream, [.. before, .. block[..firstBytes], .. after]);
        int at = firstBytes;
        for (int part = 1; part <= parts; part++)
        {
            int bytes = part == parts ? block.Length - at : random.Next(block.Length - at + 1);
            Add(FrameType.Continuation, part == parts ? 4 : 0, stream, block[at..(at + bytes)]);
            at += bytes;
        }
    }

    private byte[] Block(bool isClient)
    {
        var headers = new HeaderList();
        if (random.Next(8) != 0)
        {
            AddHead(headers, isClient);
        }

        for (int more = random.Next(random.Next(3) == 0 ? 6 : 2); more > 0; more--)
        {
            string value = random.Next(12) == 0 ? new string('v', random.Next(1_200)) : s_values[random.Next(s_values.Length)];
            headers.Add(Encoding.Latin1.GetBytes(s_names[random.Next(s_names.Length)]), Encoding.Latin1.GetBytes(value), random.Next(10) == 0);
        }

        byte[] block = new byte[HpackEncoder.EncodedBytesMax(headers)];
        int bytes = _encoder.Encode(headers, block);
        return random.Next(12) switch
        {
            0 => [.. block[..bytes], .. Bytes(random.Next(4))],
            1 => [.. block[..bytes], .. Bomb()],
            2 => [.. block[..bytes], 0xFF, 0xFF, 0xFF, 0xFF, (byte)random.Next(256), 0x7F],
            _ => block[..bytes],
        };
    }

    /// <summary>One large entry for the dynamic table, and many references to it.</summary>
    private byte[] Bomb() =>
    [
        0x40, 1, (byte)'x', 0x7F, 0x80, 0x02, .. Enumerable.Repeat((byte)'v', 127 + 256), .. Enumerable.Repeat((byte)0xBE, random.Next(14)),
    ];

    private void AddHead(HeaderList headers, bool isClient)
    {
        if (isClient)
        {
            string[] statuses = ["200", "200", "204", "304", "100", "103", "503"];
            headers.Add(":status"u8, Encoding.ASCII.GetBytes(statuses[random.Next(statuses.Length)]));
        }
        else if (random.Next(3) == 0)
        {
            headers.Add(":method"u8, "CONNECT"u8);
            headers.Add(":authority"u8, "10.0.0.1:80"u8);
        }
        else
        {
            headers.Add(":method"u8, random.Next(2) == 0 ? "GET"u8 : "POST"u8);
            headers.Add(":scheme"u8, "http"u8);
            headers.Add(":path"u8, "/"u8);
        }

        if (random.Next(4) == 0)
        {
            headers.Add("content-length"u8, Encoding.ASCII.GetBytes(random.Next(25).ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    private byte[] Settings()
    {
        List<byte> entries = [];
        for (int count = random.Next(4); count > 0; count--)
        {
            (int id, uint value) = random.Next(6) switch
            {
                0 => (4, (uint)random.Next(3) * 40_000),
                1 => (5, 16_384u + (uint)random.Next(2)),
                2 => (8, 1u),
                3 => (2, 0u),
                4 => (random.Next(12), (uint)random.Next(3)),
                _ => (4, 0x7FFF_FFFFu + (uint)random.Next(2)),
            };
            entries.AddRange([0, (byte)id, .. UInt32(value)]);
        }

        return [.. entries];
    }

    private byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private void Add(FrameType type, int flags, int stream, byte[] payload)
    {
        byte[] header = new byte[FrameHeader.SizeBytes];
        FrameHeader.Write(header, payload.Length, type, (FrameFlags)flags, stream);
        _input.AddRange(header);
        _input.AddRange(payload);
    }

    private static byte[] UInt32(long value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)value);
        return bytes;
    }
}
