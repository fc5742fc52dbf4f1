namespace Mesh.Node.Protocols.Http2.Streams;

/// <summary>How a stream came to be closed.</summary>
internal enum StreamEnding : byte
{
    /// <summary>Too long ago to be known.</summary>
    Forgotten,

    /// <summary>Never opened: its side opened a later one first.</summary>
    Skipped,

    /// <summary>Both sides sent END_STREAM.</summary>
    Finished,

    /// <summary>We sent RST_STREAM; the peer may not have known when it sent what arrives now.</summary>
    ResetByUs,

    /// <summary>The peer sent RST_STREAM and should have sent nothing after it.</summary>
    ResetByPeer,
}
