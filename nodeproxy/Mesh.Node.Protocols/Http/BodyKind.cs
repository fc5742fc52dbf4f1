namespace Mesh.Node.Protocols.Http;

/// <summary>How the end of a message's content is known (RFC 9112 §6.3).</summary>
public enum BodyKind
{
    /// <summary>There is no content: the message ends with its head.</summary>
    None,

    /// <summary>As many bytes as the head says, at least one.</summary>
    Length,

    /// <summary>Unknown beforehand: chunks in HTTP/1.1, DATA until the end of the stream in HTTP/2. Trailers may follow.</summary>
    Chunked,

    /// <summary>Until the connection closes. Responses of HTTP/1 only.</summary>
    UntilClose,

    /// <summary>What follows is no message: CONNECT, or an upgrade that was accepted. Each direction ends on its own.</summary>
    Tunnel,
}
