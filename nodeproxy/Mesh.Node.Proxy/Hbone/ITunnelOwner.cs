using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>
/// Whoever made a tunnel: the pool on the client's side, the inbound path on the server's. Calls come on the tunnel's loop.
/// </summary>
internal interface ITunnelOwner
{
    /// <summary>The peer opened a stream (server side). The owner sets <see cref="TunnelStream.Events"/> before it returns.</summary>
    void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream);

    /// <summary>
    /// The peer opened more streams than it may; this one was refused (server side). The headers are valid during the call.
    /// </summary>
    void OnStreamRefused(TunnelConnection tunnel, HeaderList headers)
    {
    }

    /// <summary>
    /// The peer's request was malformed or its header list too large; it was answered (server side). The headers, those that had room, are
    /// valid during the call.
    /// </summary>
    void OnRequestRefused(TunnelConnection tunnel, HeaderList headers, HeaderVerdict verdict)
    {
    }

    /// <summary>A stream ended or the peer's limits changed: there may be room for another.</summary>
    void OnCapacityChanged(TunnelConnection tunnel);

    /// <summary>The peer said GOAWAY: no new stream goes here; those that run may end.</summary>
    void OnGoAway(TunnelConnection tunnel);

    /// <summary>The tunnel is closed and every stream has been told. Once.</summary>
    void OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail);
}
