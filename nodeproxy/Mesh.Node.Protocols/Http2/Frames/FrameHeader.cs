using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Http2.Frames;

/// <summary>The nine bytes before every HTTP/2 payload (RFC 9113 §4.1).</summary>
/// <remarks>
/// <code>
/// +-----------------------------------------------+
/// |                 Length (24)                   |
/// +---------------+---------------+---------------+
/// |   Type (8)    |   Flags (8)   |
/// +-+-------------+---------------+---------------+
/// |R|                Stream Identifier (31)       |
/// +-+---------------------------------------------+
/// </code>
/// </remarks>
public readonly record struct FrameHeader(int PayloadBytes, FrameType Type, FrameFlags Flags, int StreamId)
{
    /// <summary>Bytes on the wire.</summary>
    public const int SizeBytes = 9;

    /// <summary>Reads the first nine bytes of <paramref name="source"/>, which must hold them. The reserved bit is ignored.</summary>
    public static FrameHeader Decode(ReadOnlySpan<byte> source) => new(
        PayloadBytes: (source[0] << 16) | (source[1] << 8) | source[2],
        Type: (FrameType)source[3],
        Flags: (FrameFlags)source[4],
        StreamId: (int)(BinaryPrimitives.ReadUInt32BigEndian(source[5..]) & 0x7FFF_FFFF));

    /// <summary>Writes nine bytes to the front of <paramref name="destination"/>.</summary>
    public static void Write(Span<byte> destination, int payloadBytes, FrameType type, FrameFlags flags, int streamId)
    {
        BinaryPrimitives.WriteInt32BigEndian(destination[5..], streamId);
        destination[0] = (byte)(payloadBytes >> 16);
        destination[1] = (byte)(payloadBytes >> 8);
        destination[2] = (byte)payloadBytes;
        destination[3] = (byte)type;
        destination[4] = (byte)flags;
    }

    /// <summary>True when every bit of <paramref name="flag"/> is set.</summary>
    public bool Has(FrameFlags flag) => (Flags & flag) == flag;
}
