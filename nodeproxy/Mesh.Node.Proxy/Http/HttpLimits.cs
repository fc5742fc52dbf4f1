using Mesh.Node.Protocols.Http1;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Http.Http2;

namespace Mesh.Node.Proxy.Http;

/// <summary>What HTTP connections and requests are held to. Immutable; any thread.</summary>
internal sealed record HttpLimits
{
    /// <summary>What an HTTP/1 message may be.</summary>
    public Http1Options Http1 { get; init; } = new();

    /// <summary>What a client's connection of HTTP/2 is held to.</summary>
    public Http2ConnectionOptions Http2 { get; init; } = Http2Settings.Server;

    /// <summary>From the first byte of a request to the end of its head.</summary>
    public required TimeSpan HeadTime { get; init; }

    /// <summary>How long the client of a port that declares nothing is waited for.</summary>
    public required TimeSpan DetectionTime { get; init; }

    /// <summary>How long a connection to an upstream is kept for further requests.</summary>
    public required TimeSpan UpstreamIdle { get; init; }

    /// <summary>Connections kept so, for each endpoint and client, on one loop.</summary>
    public required int UpstreamIdleMax { get; init; }

    /// <summary>Content of one request that is kept so that it can be sent again, in bytes.</summary>
    public required long ReplayBytesMax { get; init; }

    /// <summary>Content of one copy of a request that its mirror has not taken, in bytes.</summary>
    public required long MirrorBytesMax { get; init; }

    /// <summary>What the node's configuration says.</summary>
    public static HttpLimits Of(ProxyOptions options) => new()
    {
        Http2 = Http2Settings.Server with { HeaderBlockMsMax = options.HttpHeadTimeoutMs },
        HeadTime = TimeSpan.FromMilliseconds(options.HttpHeadTimeoutMs),
        DetectionTime = TimeSpan.FromMilliseconds(options.ProtocolDetectionTimeoutMs),
        UpstreamIdle = TimeSpan.FromMilliseconds(options.HttpUpstreamIdleMs),
        UpstreamIdleMax = options.HttpUpstreamIdleMax,
        ReplayBytesMax = options.HttpReplayBytesMax,
        MirrorBytesMax = options.HttpMirrorBytesMax,
    };
}
