namespace Mesh.Node.Protocols.Http2.Hpack;

/// <summary>What the encoder does with a field's value.</summary>
internal enum HpackIndexing
{
    /// <summary>Put it in the dynamic table: it will come again.</summary>
    Insert,

    /// <summary>Send it literally: it will not come again, or is too large.</summary>
    Omit,

    /// <summary>Send it literally and forbid everyone after us to index it (RFC 7541 §7.1.3).</summary>
    Never,
}
