namespace Mesh.Node.Protocols.Http2.Streams;

/// <summary>What a stream has been through, beside its state.</summary>
[Flags]
internal enum StreamFlags : byte
{
    None = 0,

    /// <summary>We opened it.</summary>
    Local = 0x1,

    /// <summary>The request was CONNECT, plain or extended.</summary>
    Connect = 0x2,

    /// <summary>The request was HEAD: content-length of the response promises nothing.</summary>
    Head = 0x4,

    /// <summary>The request or the final response was received.</summary>
    HeadReceived = 0x8,

    /// <summary>The request or the final response was sent.</summary>
    HeadSent = 0x10,

    /// <summary>The CONNECT was answered with success: only DATA and stream management from here on (RFC 9113 §8.5).</summary>
    TunnelOpen = 0x20,

    /// <summary>The handler must hear of a reset before it hears of the end.</summary>
    TellReset = 0x40,

    /// <summary>It was the peer who reset it.</summary>
    ResetByPeer = 0x80,
}
