namespace Mesh.Node.Protocols.Sniffing;

/// <summary>What the first bytes of a connection are.</summary>
public enum SniffedProtocol
{
    /// <summary>They may still become one of several: show them again with what comes behind them.</summary>
    NeedMore,

    /// <summary>The request line of HTTP/1.x, or of what says it is HTTP: its reader refuses what is wrong with it.</summary>
    Http1,

    /// <summary>The preface of HTTP/2 (RFC 9113 §3.4).</summary>
    Http2,

    /// <summary>The beginning of a TLS handshake; <see cref="ClientHelloReader"/> reads on.</summary>
    Tls,

    /// <summary>None of these.</summary>
    Other,
}
