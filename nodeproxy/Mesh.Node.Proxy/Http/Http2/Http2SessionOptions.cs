using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>What a session is held to besides what its protocol is. Immutable; any thread.</summary>
internal sealed record Http2SessionOptions
{
    /// <summary>Time without a stream after which it ends in order; infinite for none.</summary>
    public TimeSpan IdleLimit { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Time for which a peer may take nothing of what one stream has for it; infinite for no limit.</summary>
    public TimeSpan StallLimit { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Time between questions whether the peer is there; infinite for none.</summary>
    public TimeSpan PingInterval { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Time the peer has for its answer.</summary>
    public TimeSpan PingTimeout { get; init; } = TimeSpan.FromSeconds(20);
}

/// <summary>The numbers of HTTP/2 between a proxy and an application, of either role.</summary>
internal static class Http2Settings
{
    /// <summary>
    /// Windows as small as what pipes hold, growing where a reader keeps up: what an application sends and nobody takes stays with it.
    /// </summary>
    private static readonly Http2ConnectionOptions s_base = new()
    {
        ConnectionWindowBytes = 4 * 1024 * 1024,
        StreamWindowBytes = Http2ConnectionOptions.WindowBytesMin,
        StreamWindowBytesMax = 1024 * 1024,
        FrameBytesMax = 16_384,
        DataBytesMax = 16_384,
    };

    /// <summary>Towards clients. RFC 9113 §6.5.2 recommends to allow 100 streams at least.</summary>
    public static Http2ConnectionOptions Server { get; } = s_base with { PeerStreamsMax = 100, EnableConnectProtocol = true };

    /// <summary>Towards upstreams.</summary>
    public static Http2ConnectionOptions Client { get; } = s_base;
}
