using System.Buffers.Binary;
using System.Text;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Frames;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Writes frames byte by byte as RFC 9113 §6 draws them, right or wrong, and reads what an engine sent. Shares no code with the engine.
/// </summary>
internal static class Wire
{
    public const byte EndStream = 0x1;
    public const byte Ack = 0x1;
    public const byte EndHeaders = 0x4;
    public const byte Padded = 0x8;
    public const byte Priority = 0x20;

    public static byte[] Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    public static byte[] Join(params IEnumerable<byte[]> parts) => [.. parts.SelectMany(part => part)];

    public static byte[] Repeat(byte[] part, int count) => Join(Enumerable.Repeat(part, count));

    public static byte[] Frame(int type, int flags, long streamId, params byte[] payload) =>
        RawFrame(payload.Length, type, flags, streamId, payload);

    public static byte[] RawFrame(int length, int type, int flags, long streamId, params byte[] payload) =>
    [
        (byte)(length >> 16), (byte)(length >> 8), (byte)length, (byte)type, (byte)flags, .. UInt32(streamId), .. payload,
    ];

    public static byte[] Data(int streamId, int bytes, int flags = 0) => Frame(0, flags, streamId, new byte[bytes]);

    public static byte[] PaddedData(int streamId, int bytes, int padding, int flags = 0) =>
        Frame(0, flags | Padded, streamId, [(byte)padding, .. new byte[bytes], .. new byte[padding]]);

    public static byte[] HeadersFrame(int streamId, byte[] block, int flags = EndHeaders) => Frame(1, flags, streamId, block);

    public static byte[] Continuation(int streamId, byte[] block, int flags = EndHeaders) => Frame(9, flags, streamId, block);

    public static byte[] Reset(long streamId, Http2ErrorCode code = Http2ErrorCode.Cancel) => Frame(3, 0, streamId, UInt32((long)code));

    public static byte[] Settings(params (int Id, long Value)[] entries) =>
        Frame(4, 0, 0, Join(entries.Select(entry => (byte[])[(byte)(entry.Id >> 8), (byte)entry.Id, .. UInt32(entry.Value)])));

    public static byte[] SettingsAck => Frame(4, Ack, 0);

    public static byte[] Ping(int flags = 0) => Frame(6, flags, 0, 1, 2, 3, 4, 5, 6, 7, 8);

    public static byte[] GoAway(long lastStreamId, Http2ErrorCode code = Http2ErrorCode.NoError) =>
        Frame(7, 0, 0, [.. UInt32(lastStreamId), .. UInt32((long)code)]);

    public static byte[] WindowUpdate(long streamId, long increment) => Frame(8, 0, streamId, UInt32(increment));

    /// <summary>A header block of literal fields without indexing or Huffman, which no decoder state can change.</summary>
    public static byte[] Block(params (string Name, string Value)[] fields) =>
        Join(fields.Select(field => (byte[])[0x00, .. Text(field.Name), .. Text(field.Value)]));

    public static byte[] GetBlock(params (string Name, string Value)[] more) =>
        Block([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), .. more]);

    public static byte[] PostBlock(params (string Name, string Value)[] more) =>
        Block([(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a"), .. more]);

    public static byte[] ConnectBlock => Block((":method", "CONNECT"), (":authority", "10.0.0.1:80"));

    public static byte[] StatusBlock(string status, params (string Name, string Value)[] more) => Block([(":status", status), .. more]);

    public static byte[] UInt32(long value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)value);
        return bytes;
    }

    /// <summary>What was sent, one line a frame. SETTINGS with values and the first window of the connection are left out.</summary>
    public static List<string> Describe(ReadOnlySpan<byte> sent)
    {
        List<string> lines = [];
        bool isFirstWindow = true;
        if (sent.StartsWith(Preface))
        {
            sent = sent[Preface.Length..];
        }

        while (!sent.IsEmpty)
        {
            int length = (sent[0] << 16) | (sent[1] << 8) | sent[2];
            var type = (FrameType)sent[3];
            int flags = sent[4];
            uint streamId = BinaryPrimitives.ReadUInt32BigEndian(sent[5..]);
            ReadOnlySpan<byte> payload = sent.Slice(9, length);
            sent = sent[(9 + length)..];
            string? line = DescribeFrame(type, flags, streamId, payload, ref isFirstWindow);
            if (line is not null)
            {
                lines.Add(line);
            }
        }

        return lines;
    }

    private static string? DescribeFrame(FrameType type, int flags, uint streamId, ReadOnlySpan<byte> payload, ref bool isFirstWindow)
    {
        string end = (flags & EndStream) != 0 ? " END" : "";
        switch (type)
        {
            case FrameType.Settings:
                return flags == Ack ? "> SettingsAck" : null;
            case FrameType.Data:
                return $"> Data {streamId} {payload.Length}{end}";
            case FrameType.Headers:
            case FrameType.Continuation:
                return $"> {type} {streamId}{end}";
            case FrameType.RstStream:
                return $"> Reset {streamId} {(Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload)}";
            case FrameType.Ping:
                return $"> Ping{(flags == Ack ? "Ack" : "")} {Convert.ToHexStringLower(payload)}";
            case FrameType.GoAway:
                uint last = BinaryPrimitives.ReadUInt32BigEndian(payload);
                var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
                return $"> GoAway {last} {code} {Encoding.UTF8.GetString(payload[8..])}".TrimEnd();
            case FrameType.WindowUpdate:
                bool skip = streamId == 0 && isFirstWindow;
                isFirstWindow &= streamId != 0;
                return skip ? null : $"> WindowUpdate {streamId} {BinaryPrimitives.ReadUInt32BigEndian(payload)}";
            default:
                return $"> {type} {streamId}";
        }
    }

    private static byte[] Text(string text)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(text);
        return bytes.Length < 127
            ? [(byte)bytes.Length, .. bytes]
            : [127, .. Varint(bytes.Length - 127), .. bytes];
    }

    private static byte[] Varint(int value)
    {
        List<byte> bytes = [];
        for (; value >= 128; value >>= 7)
        {
            bytes.Add((byte)(value | 128));
        }

        bytes.Add((byte)value);
        return [.. bytes];
    }
}
