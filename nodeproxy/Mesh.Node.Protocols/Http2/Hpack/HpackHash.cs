using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>A quick hash for the encoder's tables. Collisions cost a comparison and nothing more, so it needs no secret.</summary>
internal static class HpackHash
{
    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    /// <summary>Hash of bytes, on top of another hash when there is one.</summary>
    public static int Of(ReadOnlySpan<byte> bytes, int seed = 0)
    {
        ulong hash = (ulong)(uint)seed ^ ((ulong)bytes.Length * Multiplier);
        while (bytes.Length >= sizeof(ulong))
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        ulong tail = 0;
        foreach (byte next in bytes)
        {
            tail = (tail << 8) | next;
        }

        hash = Mix(hash ^ tail);
        return (int)(hash ^ (hash >> 32));
    }

    private static ulong Mix(ulong value)
    {
        value *= Multiplier;
        return value ^ (value >> 29);
    }
}
