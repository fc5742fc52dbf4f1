namespace Mesh.Node.Protocols.Http2.Frames;

/// <summary>Flags of RFC 9113 §6. One bit means different things on different frames; unknown bits are ignored.</summary>
[Flags]
public enum FrameFlags : byte
{
    None = 0,

    /// <summary>END_STREAM, on DATA and HEADERS.</summary>
    EndStream = 0x1,

    /// <summary>ACK, on SETTINGS and PING.</summary>
    Ack = EndStream,

    /// <summary>END_HEADERS, on HEADERS and CONTINUATION.</summary>
    EndHeaders = 0x4,

    /// <summary>PADDED, on DATA and HEADERS.</summary>
    Padded = 0x8,

    /// <summary>PRIORITY, on HEADERS.</summary>
    Priority = 0x20,
}
