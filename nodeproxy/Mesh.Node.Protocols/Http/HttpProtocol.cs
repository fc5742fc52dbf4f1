namespace Mesh.Node.Protocols.Http;

/// <summary>The version of HTTP a message came in. Other versions are refused before there is a message.</summary>
public enum HttpProtocol
{
    /// <summary>HTTP/1.0 (RFC 1945): no chunks, closed after a response unless both sides say keep-alive.</summary>
    Http10,

    /// <summary>HTTP/1.1 (RFC 9112).</summary>
    Http11,

    /// <summary>HTTP/2 (RFC 9113).</summary>
    Http2,
}
