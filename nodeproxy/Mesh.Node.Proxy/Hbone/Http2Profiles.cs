using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>The HTTP/2 numbers of HBONE in either role; the engine's defaults are ambient's.</summary>
internal static class Http2Profiles
{
    // A frame as large as what is read from a socket at a time: with its header, four whole TLS records.
    private const int DataBytesMax = (4 * 16_384) - 9;

    /// <summary>The side that opens streams; it expects short headers.</summary>
    public static Http2ConnectionOptions Client { get; } = new() { HeaderListBytesMax = 16 * 1024, DataBytesMax = DataBytesMax };

    /// <summary>The same, with as many streams on a tunnel as the options say.</summary>
    public static Http2ConnectionOptions ClientOf(ProxyOptions options) => Client with { LocalStreamsMax = options.TunnelStreamsMax };

    /// <summary>The side that serves them.</summary>
    public static Http2ConnectionOptions Server { get; } = new() { DataBytesMax = DataBytesMax };

    /// <summary>What a tunnel is held to.</summary>
    public static TunnelOptions Tunnel(ProxyOptions options) => new()
    {
        PingInterval = TimeSpan.FromMilliseconds(options.PingIntervalMs),
        PingTimeout = TimeSpan.FromMilliseconds(options.PingTimeoutMs),
        IdleRelease = TimeSpan.FromMilliseconds(options.TunnelIdleMs),
    };
}
