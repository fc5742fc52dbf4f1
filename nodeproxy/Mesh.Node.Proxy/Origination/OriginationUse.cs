namespace Mesh.Node.Proxy.Origination;

/// <summary>What is spoken inside of TLS that we begin: decides what is agreed on with the server (ALPN).</summary>
internal enum OriginationUse
{
    /// <summary>Whatever it is: nothing is agreed on.</summary>
    Bytes,

    /// <summary>HTTP/1.1, also with a server that agrees on nothing.</summary>
    Http1,

    /// <summary>HTTP/2, which a server must agree on (RFC 9113 §3.2).</summary>
    Http2,
}
