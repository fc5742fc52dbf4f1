using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Handover;

/// <summary>What both ends of the hand-over say to an operator.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 3001, Level = LogLevel.Information, Message = "Connected to the agent at {Path}.")]
    public static partial void AgentConnected(ILogger logger, string path);

    [LoggerMessage(EventId = 3002, Level = LogLevel.Warning,
        Message = "The agent at {Path} cannot be reached ({Reason}). Pods served now are still served; trying again in "
            + "{DelaySeconds:F1} s.")]
    public static partial void AgentUnreachable(ILogger logger, string path, string reason, double delaySeconds);

    [LoggerMessage(EventId = 3003, Level = LogLevel.Warning,
        Message = "The connection to the agent ended: {Reason}. Pods served now are still served; connecting again.")]
    public static partial void AgentLost(ILogger logger, string reason);

    [LoggerMessage(EventId = 3004, Level = LogLevel.Information, Message = "The agent has named its pods: {Count}.")]
    public static partial void SnapshotReceived(ILogger logger, int count);

    [LoggerMessage(EventId = 3005, Level = LogLevel.Warning,
        Message = "Pod {Pod} (uid {Uid}) cannot be served yet: {Reason}. Trying again.")]
    public static partial void PodNotServed(ILogger logger, string pod, string uid, string reason);

    [LoggerMessage(EventId = 3006, Level = LogLevel.Information, Message = "Proxy {Session} (process {ProcessId}) connected.")]
    public static partial void ProxyConnected(ILogger logger, int session, int processId);

    [LoggerMessage(EventId = 3007, Level = LogLevel.Information, Message = "Proxy {Session} took {Count} pods.")]
    public static partial void SnapshotAccepted(ILogger logger, int session, int count);

    [LoggerMessage(EventId = 3008, Level = LogLevel.Warning, Message = "The connection to proxy {Session} ended: {Reason}.")]
    public static partial void ProxyLost(ILogger logger, int session, string reason);

    [LoggerMessage(EventId = 3009, Level = LogLevel.Warning,
        Message = "Proxy {Session} does not serve pod {Pod} (uid {Uid}): {Reason}. Asking again.")]
    public static partial void PodRefused(ILogger logger, int session, string pod, string uid, string reason);

    [LoggerMessage(EventId = 3010, Level = LogLevel.Warning, Message = "Proxy {Session} did not let pod {Uid} go: {Reason}.")]
    public static partial void RemovalRefused(ILogger logger, int session, string uid, string reason);

    [LoggerMessage(EventId = 3011, Level = LogLevel.Error, Message = "A connection could not be accepted at {Path}: {Error}.")]
    public static partial void AcceptFailed(ILogger logger, string path, string error);
}
