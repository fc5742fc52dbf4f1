using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Messages;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>Is told what happens on a session and belongs to none of the streams its owner knows. Called on the loop.</summary>
/// <remarks>Spans and header lists are valid until the call returns. A call must not throw.</remarks>
internal interface IHttp2SessionOwner
{
    /// <summary>The peer has opened a stream (servers only). It is the owner's until <see cref="Http2SessionStream.Release"/>.</summary>
    /// <param name="stream">Without <see cref="Http2SessionStream.Events"/> so far.</param>
    /// <param name="block">A request that keeps the rules of HTTP/2.</param>
    /// <param name="endStream">No content follows.</param>
    void OnStreamOpened(Http2SessionStream stream, HeaderList block, bool endStream);

    /// <summary>A request of the peer was malformed or too large, and was answered so (servers only).</summary>
    void OnRequestRefused(HeaderVerdict verdict);

    /// <summary>More, or fewer, streams may be possible than before; or none any more (clients only).</summary>
    void OnCapacityChanged(Http2Session session);
}

/// <summary>Is told what happens on one stream. Called on the loop, and never after <see cref="Http2SessionStream.Release"/>.</summary>
internal interface IHttp2StreamEvents
{
    /// <summary>A response has come, informational or final (<see cref="Http2SessionStream.IsInformational"/>); clients only.</summary>
    /// <param name="block">Valid until the call returns.</param>
    /// <param name="endStream">Neither content nor trailers follow: the content is at its end already.</param>
    void OnHead(HeaderList block, bool endStream);

    /// <summary>
    /// The stream has ended before its time: <see cref="Http2SessionStream.End"/>. Told before those who wait for content or for room are.
    /// </summary>
    void OnReset();
}
