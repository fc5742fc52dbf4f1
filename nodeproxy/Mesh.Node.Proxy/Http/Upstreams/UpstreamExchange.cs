using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>
/// One request to an upstream and its response, whatever the version of HTTP. 1. Begun, once. 2. Its head read until one is final.
/// 3. Its content read. 4. Released. Lives on the upstream's loop.
/// </summary>
internal abstract class UpstreamExchange
{
    /// <summary>The response's content.</summary>
    public abstract IContentReader Content { get; }

    /// <summary>Where the client's bytes go after an answer that made a tunnel of the exchange.</summary>
    public abstract IContentWriter TunnelWriter { get; }

    /// <summary>Whether a byte of the response has come.</summary>
    public abstract bool HasResponse { get; }

    /// <summary>Why it broke; nothing while it has not, as far as is known.</summary>
    public abstract UpstreamBreak Break { get; }

    /// <summary>Writes the head of the request; it leaves with the first flush.</summary>
    /// <returns>
    /// Where its content goes, none included; null, and nothing was written, when the upstream's version cannot say it or the upstream
    /// takes nothing more (<see cref="Break"/>).
    /// </returns>
    public abstract IContentWriter? TryBegin(RequestHead head);

    /// <summary>Reads the head of the next response, informational or final.</summary>
    public abstract ValueTask<ResponseRead> ReadHeadAsync(ResponseHead head);

    /// <summary>Cuts it off: whoever waits for it is told that it broke.</summary>
    public abstract void Abort();

    /// <summary>Gives it back to whom it came from, and must not be used after: what carried it serves others where it can.</summary>
    public abstract void Release();
}

/// <summary>What came where the head of a response was waited for.</summary>
internal enum ResponseRead
{
    Head,

    /// <summary>The exchange ended or broke before it was complete.</summary>
    Broken,

    /// <summary>What came is no response that can be passed on.</summary>
    Refused,
}

/// <summary>Why an exchange with an upstream broke.</summary>
internal enum UpstreamBreak
{
    None,

    /// <summary>The connection ended.</summary>
    ConnectionEnded,

    /// <summary>The upstream reset it, and may have acted on it.</summary>
    Reset,

    /// <summary>The upstream did nothing about it, and said so: it may be sent again whatever it is (RFC 9113 §8.7).</summary>
    Refused,

    /// <summary>The upstream broke the rules of HTTP.</summary>
    Malformed,

    /// <summary>We cut it off.</summary>
    Aborted,

    /// <summary>The upstream's connections of this version carry no tunnels to other protocols; those of HTTP/1.1 do.</summary>
    UpgradeUnknown,
}
