namespace Mesh.Node.Protocols.Http;

/// <summary>How a message's content is delimited. Encoders write the framing fields from it and from nothing else.</summary>
/// <param name="Kind">How the end is known.</param>
/// <param name="ContentBytes">
/// What content-length said or will say, or -1 for none. With <see cref="BodyKind.None"/> it is the length of content that is not there:
/// zero, or what a response to HEAD or a 304 would have had.
/// </param>
public readonly record struct BodyFraming(BodyKind Kind, long ContentBytes)
{
    /// <summary>No content and no word about it.</summary>
    public static BodyFraming None { get; } = new(BodyKind.None, -1);

    /// <summary>Content of unknown length.</summary>
    public static BodyFraming Chunked { get; } = new(BodyKind.Chunked, -1);

    /// <summary>Content that ends with the connection.</summary>
    public static BodyFraming UntilClose { get; } = new(BodyKind.UntilClose, -1);

    /// <summary>Bytes of another protocol.</summary>
    public static BodyFraming Tunnel { get; } = new(BodyKind.Tunnel, -1);

    /// <summary>True when content follows the head.</summary>
    public bool HasContent => Kind is BodyKind.Length or BodyKind.Chunked or BodyKind.UntilClose;

    /// <summary>Content of a known length, which may be zero.</summary>
    public static BodyFraming OfLength(long contentBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(contentBytes);
        return new BodyFraming(contentBytes == 0 ? BodyKind.None : BodyKind.Length, contentBytes);
    }

    /// <summary>No content, where its length is nevertheless said: a response to HEAD, a 304.</summary>
    /// <param name="contentBytes">The length, or -1 when it is not said.</param>
    public static BodyFraming Omitted(long contentBytes) => new(BodyKind.None, contentBytes);

    /// <summary>The same content as a client of that version can take it: HTTP/1.0 knows no chunks (RFC 9112 §6.1).</summary>
    public BodyFraming For(HttpProtocol client) => Kind switch
    {
        BodyKind.Chunked when client == HttpProtocol.Http10 => UntilClose,
        BodyKind.UntilClose when client != HttpProtocol.Http10 => Chunked,
        _ => this,
    };
}
