using System.Buffers.Binary;

namespace Mesh.Fuzz.Oracles;

/// <summary>One field of a protobuf message as it stands on the wire.</summary>
/// <param name="Number">Field number, 1 or more.</param>
/// <param name="Kind">Wire type 0, 1, 2 or 5. Groups are read past: no message here has one.</param>
/// <param name="Value">Of wire types 0, 1 and 5.</param>
/// <param name="Bytes">Of wire type 2; otherwise empty.</param>
internal sealed record SlowProtobufField(int Number, int Kind, ulong Value, byte[] Bytes);

/// <summary>Splits protobuf messages into fields, one byte after the other. Null is malformed.</summary>
internal static class SlowProtobuf
{
    /// <summary>How deep messages and groups may nest.</summary>
    private const int DepthMax = 100;

    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int Delimited = 2;
    private const int GroupStart = 3;
    private const int GroupEnd = 4;
    private const int Fixed32 = 5;

    /// <param name="message">All of it.</param>
    /// <param name="depth">Messages around it: 0 for the outermost.</param>
    public static List<SlowProtobufField>? Split(byte[] message, int depth)
    {
        var rest = new Queue<byte>(message);
        List<SlowProtobufField> fields = [];
        while (rest.Count > 0)
        {
            if (ReadTag(rest) is not var (number, kind) || kind == GroupEnd)
            {
                return null;
            }

            if (kind == GroupStart)
            {
                if (!TrySkipGroup(rest, number, depth + 1))
                {
                    return null;
                }
            }
            else if (ReadField(rest, number, kind) is { } field)
            {
                fields.Add(field);
            }
            else
            {
                return null;
            }
        }

        return depth <= DepthMax ? fields : null;
    }

    private static bool TrySkipGroup(Queue<byte> rest, int group, int depth)
    {
        while (depth <= DepthMax && rest.Count > 0 && ReadTag(rest) is var (number, kind))
        {
            switch (kind)
            {
                case GroupEnd:
                    return number == group;
                case GroupStart when !TrySkipGroup(rest, number, depth + 1):
                    return false;
                case not GroupStart when ReadField(rest, number, kind) is null:
                    return false;
            }
        }

        return false;
    }

    private static SlowProtobufField? ReadField(Queue<byte> rest, int number, int kind)
    {
        switch (kind)
        {
            case Varint:
                return ReadVarint(rest) is { } value ? new SlowProtobufField(number, kind, value, []) : null;
            case Fixed64:
                return Take(rest, 8) is { } eight ? new SlowProtobufField(number, kind, BinaryPrimitives.ReadUInt64LittleEndian(eight), []) : null;
            case Fixed32:
                return Take(rest, 4) is { } four ? new SlowProtobufField(number, kind, BinaryPrimitives.ReadUInt32LittleEndian(four), []) : null;
            case Delimited:
                return ReadVarint(rest) is { } length && Take(rest, (int)(uint)length) is { } bytes ? new SlowProtobufField(number, kind, 0, bytes) : null;
            default:
                return null;
        }
    }

    private static (int Number, int Kind)? ReadTag(Queue<byte> rest)
    {
        uint? tag = (uint?)ReadVarint(rest);
        return tag is { } read && read >> 3 != 0 ? ((int)(read >> 3), (int)(read & 7)) : null;
    }

    /// <summary>At most ten bytes. Tags, lengths and 32-bit numbers take the low half.</summary>
    private static ulong? ReadVarint(Queue<byte> rest)
    {
        ulong value = 0;
        for (int shift = 0; shift < 70 && rest.TryDequeue(out byte next); shift += 7)
        {
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        return null;
    }

    private static byte[]? Take(Queue<byte> rest, int count)
    {
        if (count < 0 || count > rest.Count)
        {
            return null;
        }

        byte[] taken = new byte[count];
        for (int i = 0; i < count; i++)
        {
            taken[i] = rest.Dequeue();
        }

        return taken;
    }
}
