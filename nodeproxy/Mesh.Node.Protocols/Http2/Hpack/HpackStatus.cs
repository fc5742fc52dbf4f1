namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>How decoding a header block ended. Everything but the first two ends the connection.</summary>
public enum HpackStatus
{
    /// <summary>The list holds every field.</summary>
    Ok,

    /// <summary>The compression state is intact, but the list was longer than the limit and is incomplete.</summary>
    ListTooLarge,

    /// <summary>The list was many times longer than the limit: a decompression bomb.</summary>
    ListBomb,

    /// <summary>The block ends inside a field.</summary>
    Truncated,

    /// <summary>An integer exceeds <see cref="HpackInteger.ValueMax"/> or is padded to more bytes than any value needs.</summary>
    IntegerTooLarge,

    /// <summary>Index zero, or beyond both tables.</summary>
    BadIndex,

    /// <summary>An invalid Huffman string.</summary>
    BadHuffman,

    /// <summary>A dynamic table size update after a field, or above the limit.</summary>
    BadSizeUpdate,

    /// <summary>The limit was lowered below the size in use, and the block does not begin with a size update (RFC 7541 §4.2).</summary>
    SizeUpdateMissing,
}
