namespace Mesh.Node.Live;

/// <summary>A key of the configuration file that is taken over while the process runs.</summary>
/// <param name="Name">Section and key.</param>
/// <param name="Copy">Takes its value from the second into the first, which everybody reads at each use.</param>
internal sealed record LiveKey(string Name, Action<NodeConfiguration, NodeConfiguration> Copy)
{
    /// <summary>All of them. What begins after a change is held to it; what is under way goes on as it began.</summary>
    public static IReadOnlyList<LiveKey> All { get; } =
    [
        new("capture.excludedOutboundCidrs", (to, from) => to.Capture.ExcludedOutboundCidrs = from.Capture.ExcludedOutboundCidrs),
        new("capture.excludedOutboundPorts", (to, from) => to.Capture.ExcludedOutboundPorts = from.Capture.ExcludedOutboundPorts),
        new("capture.excludedInboundCidrs", (to, from) => to.Capture.ExcludedInboundCidrs = from.Capture.ExcludedInboundCidrs),
        new("capture.excludedInboundPorts", (to, from) => to.Capture.ExcludedInboundPorts = from.Capture.ExcludedInboundPorts),
        new("capture.verifyIntervalSeconds", (to, from) => to.Capture.VerifyIntervalSeconds = from.Capture.VerifyIntervalSeconds),
        new("capture.drainSeconds", (to, from) => to.Capture.DrainSeconds = from.Capture.DrainSeconds),
        new("proxy.sameNode", (to, from) => to.Proxy.SameNode = from.Proxy.SameNode),
        new("proxy.connectTimeoutMs", (to, from) => to.Proxy.ConnectTimeoutMs = from.Proxy.ConnectTimeoutMs),
        new("proxy.handshakeTimeoutMs", (to, from) => to.Proxy.HandshakeTimeoutMs = from.Proxy.HandshakeTimeoutMs),
        new("proxy.configurationWaitMs", (to, from) => to.Proxy.ConfigurationWaitMs = from.Proxy.ConfigurationWaitMs),
        new("proxy.idleTimeoutMs", (to, from) => to.Proxy.IdleTimeoutMs = from.Proxy.IdleTimeoutMs),
        new("proxy.halfOpenTimeoutMs", (to, from) => to.Proxy.HalfOpenTimeoutMs = from.Proxy.HalfOpenTimeoutMs),
        new("proxy.podConnectionsMax", (to, from) => to.Proxy.PodConnectionsMax = from.Proxy.PodConnectionsMax),
        new("proxy.podStreamsMax", (to, from) => to.Proxy.PodStreamsMax = from.Proxy.PodStreamsMax),
        new("proxy.podPendingConnectsMax", (to, from) => to.Proxy.PodPendingConnectsMax = from.Proxy.PodPendingConnectsMax),
        new("proxy.nodeConnectionsMax", (to, from) => to.Proxy.NodeConnectionsMax = from.Proxy.NodeConnectionsMax),
        new("proxy.listenBacklog", (to, from) => to.Proxy.ListenBacklog = from.Proxy.ListenBacklog),
        new("proxy.keepAliveIdleSeconds", (to, from) => to.Proxy.KeepAliveIdleSeconds = from.Proxy.KeepAliveIdleSeconds),
        new("proxy.keepAliveIntervalSeconds", (to, from) => to.Proxy.KeepAliveIntervalSeconds = from.Proxy.KeepAliveIntervalSeconds),
        new("proxy.keepAliveProbes", (to, from) => to.Proxy.KeepAliveProbes = from.Proxy.KeepAliveProbes),
        new("proxy.userTimeoutMs", (to, from) => to.Proxy.UserTimeoutMs = from.Proxy.UserTimeoutMs),
        new("proxy.drainMs", (to, from) => to.Proxy.DrainMs = from.Proxy.DrainMs),
        new("log.level", (to, from) => to.Log.Level = from.Log.Level),
    ];
}
