using System.Net;
using System.Text;
using Mesh.Interop.Linux;
using Mesh.Node.Capture;
using Mesh.Node.Capture.Pods;
using Mesh.Node.Proxy.Admin;

namespace Mesh.Node;

/// <summary>What a configuration of the right shape can still have wrong, before anything is started with it.</summary>
internal static class ConfigurationCheck
{
    private const int HourMs = 3_600_000;

    /// <summary>The numbers of the file: where each stands, and from where to where it may go.</summary>
    public static IReadOnlyList<OptionRange> Ranges { get; } =
    [
        new("controlPlane.connectTimeoutSeconds", 1, 60, file => file.ControlPlane?.ConnectTimeoutSeconds),
        new("controlPlane.certificateTimeoutSeconds", 1, 120, file => file.ControlPlane?.CertificateTimeoutSeconds),
        new("controlPlane.certificateLifetimeSeconds", 1, 7_776_000, file => file.ControlPlane?.CertificateLifetimeSeconds),
        new("capture.verifyIntervalSeconds", 1, 3_600, file => file.Capture.VerifyIntervalSeconds),
        new("capture.drainSeconds", 0, 300, file => file.Capture.DrainSeconds),
        new("cni.addTimeoutSeconds", 1, 110, file => file.Cni.AddTimeoutSeconds),
        new("proxy.loops", 0, 128, file => file.Proxy.Loops),
        new("proxy.connectTimeoutMs", 10, 120_000, file => file.Proxy.ConnectTimeoutMs),
        new("proxy.handshakeTimeoutMs", 10, 120_000, file => file.Proxy.HandshakeTimeoutMs),
        new("proxy.configurationWaitMs", 0, 120_000, file => file.Proxy.ConfigurationWaitMs),
        new("proxy.idleTimeoutMs", 100, int.MaxValue, file => file.Proxy.IdleTimeoutMs),
        new("proxy.halfOpenTimeoutMs", 100, int.MaxValue, file => file.Proxy.HalfOpenTimeoutMs),
        new("proxy.protocolDetectionTimeoutMs", 10, 120_000, file => file.Proxy.ProtocolDetectionTimeoutMs),
        new("proxy.httpHeadTimeoutMs", 10, int.MaxValue, file => file.Proxy.HttpHeadTimeoutMs),
        new("proxy.httpUpstreamIdleMs", 0, int.MaxValue, file => file.Proxy.HttpUpstreamIdleMs),
        new("proxy.httpUpstreamIdleMax", 0, int.MaxValue, file => file.Proxy.HttpUpstreamIdleMax),
        new("proxy.httpReplayBytesMax", 0, 64 * 1024 * 1024, file => file.Proxy.HttpReplayBytesMax),
        new("proxy.httpMirrorBytesMax", 0, 64 * 1024 * 1024, file => file.Proxy.HttpMirrorBytesMax),
        new("proxy.tunnelIdleMs", 100, int.MaxValue, file => file.Proxy.TunnelIdleMs),
        new("proxy.tunnelStreamsMax", 1, 10_000, file => file.Proxy.TunnelStreamsMax),
        new("proxy.nameRefreshMs", 1_000, HourMs, file => file.Proxy.NameRefreshMs),
        new("proxy.pingIntervalMs", 100, HourMs, file => file.Proxy.PingIntervalMs),
        new("proxy.pingTimeoutMs", 100, HourMs, file => file.Proxy.PingTimeoutMs),
        new("proxy.podConnectionsMax", 1, 10_000_000, file => file.Proxy.PodConnectionsMax),
        new("proxy.podStreamsMax", 1, 10_000_000, file => file.Proxy.PodStreamsMax),
        new("proxy.podPendingConnectsMax", 1, 10_000_000, file => file.Proxy.PodPendingConnectsMax),
        new("proxy.nodeConnectionsMax", 1, 10_000_000, file => file.Proxy.NodeConnectionsMax),
        new("proxy.podBufferBytesMax", 0, long.MaxValue, file => file.Proxy.PodBufferBytesMax),
        new("proxy.nodeBufferBytesMax", 0, long.MaxValue, file => file.Proxy.NodeBufferBytesMax),
        new("proxy.podPipesMax", 0, 65_536, file => file.Proxy.PodPipesMax),
        new("proxy.podDnsQueriesMax", 1, 65_536, file => file.Proxy.PodDnsQueriesMax),
        new("proxy.dnsTimeoutMs", 100, 60_000, file => file.Proxy.DnsTimeoutMs),
        new("proxy.listenBacklog", 1, 65_535, file => file.Proxy.ListenBacklog),
        new("proxy.keepAliveIdleSeconds", 1, 32_767, file => file.Proxy.KeepAliveIdleSeconds),
        new("proxy.keepAliveIntervalSeconds", 1, 32_767, file => file.Proxy.KeepAliveIntervalSeconds),
        new("proxy.keepAliveProbes", 1, 127, file => file.Proxy.KeepAliveProbes),
        new("proxy.userTimeoutMs", 0, int.MaxValue, file => file.Proxy.UserTimeoutMs),
        new("proxy.drainMs", 0, HourMs, file => file.Proxy.DrainMs),
        new("log.accessQueueMax", 2, 1_048_576, file => file.Log.AccessQueueMax),
        new("log.lineQueueMax", 1, 1_048_576, file => file.Log.LineQueueMax),
        new("telemetry.otlpIntervalMs", 1_000, HourMs, file => file.Telemetry.OtlpIntervalMs),
        new("telemetry.seriesPerWorkloadMax", 1, 1_000_000, file => file.Telemetry.SeriesPerWorkloadMax),
        new("telemetry.seriesMax", 1, 1_000_000, file => file.Telemetry.SeriesMax),
        new("telemetry.requestSeriesPerWorkloadMax", 1, 1_000_000, file => file.Telemetry.RequestSeriesPerWorkloadMax),
        new("telemetry.requestSeriesMax", 1, 1_000_000, file => file.Telemetry.RequestSeriesMax),
        new("telemetry.seriesRetentionMs", 0, 24 * HourMs, file => file.Telemetry.SeriesRetentionMs),
    ];

    /// <summary>Everything that is wrong, each with its key.</summary>
    public static IEnumerable<string> Problems(NodeConfiguration file)
    {
        if (file.Node.Name.Length == 0)
        {
            yield return "node.name must not be empty";
        }

        foreach (string address in file.Node.Addresses.Where(address => !IPAddress.TryParse(address, out _)))
        {
            yield return $"node.addresses: '{address}' is no address";
        }

        if (file.ControlPlane is { Address: Uri control } && (!control.IsAbsoluteUri || control.Scheme != Uri.UriSchemeHttps))
        {
            yield return $"controlPlane.address: '{control}' must begin with https://, because a token is sent there";
        }

        // The proxies' own socket stands beside it.
        int pathBytesMax = SeqPacketSocket.PathBytesMax;
        if (!Path.IsPathRooted(file.Handover.SocketPath) || file.Handover.SocketPath.Contains('\0')
            || Encoding.UTF8.GetByteCount(file.Handover.SocketPath) > pathBytesMax
            || Encoding.UTF8.GetByteCount(ProxyCommand.ListenerSocketPath(file)) > pathBytesMax)
        {
            yield return $"handover.socketPath: '{file.Handover.SocketPath}' must be a path from the root, of at most {pathBytesMax} bytes "
                + "also with listeners.sock in place of its last part";
        }

        if (!int.IsPow2(file.Log.AccessQueueMax))
        {
            yield return $"log.accessQueueMax is {file.Log.AccessQueueMax}, must be a power of two";
        }

        foreach (OptionRange range in Ranges)
        {
            if (range.ValueIn(file) is long value && (value < range.Min || value > range.Max))
            {
                yield return $"{range.Key} is {value}, must be {range.Min} to {range.Max}";
            }
        }

        Action<NodeConfiguration>[] readers =
        [
            at => AdminOptions.Parse("address", at.Admin.Address),
            at => AdminOptions.Parse("metrics", at.Admin.Metrics),
            at => AdminOptions.Parse("readiness", at.Admin.Readiness),
            at => AdminOptions.Parse("agent", at.Admin.Agent),
            at => at.Telemetry.CheckOtlpEndpoint(),
            at => _ = new CapturePlanner(at.Capture),
        ];
        foreach (Action<NodeConfiguration> read in readers)
        {
            if (MessageOf(read, file) is string malformed)
            {
                yield return malformed;
            }
        }
    }

    private static string? MessageOf(Action<NodeConfiguration> read, NodeConfiguration file)
    {
        try
        {
            read(file);
            return null;
        }
        catch (Exception malformed) when (malformed is FormatException or CaptureException)
        {
            return malformed.Message.TrimEnd('.');
        }
    }
}

/// <summary>A number of the configuration file.</summary>
/// <param name="Key">Its section and key.</param>
/// <param name="Min">The least it may be.</param>
/// <param name="Max">The most.</param>
/// <param name="ValueIn">What it is in a file; null where its section is missing.</param>
internal sealed record OptionRange(string Key, long Min, long Max, Func<NodeConfiguration, long?> ValueIn);
