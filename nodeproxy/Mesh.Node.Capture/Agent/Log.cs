using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Agent;

/// <summary>What the agent says to an operator.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 3201, Level = LogLevel.Information,
        Message = "Capturing by {Backend}, mode {Mode}. Proxies connect to {Path}.")]
    public static partial void AgentStarted(ILogger logger, CaptureBackend backend, CaptureMode mode, string path);

    [LoggerMessage(EventId = 3210, Level = LogLevel.Warning,
        Message = "DNS is not captured on this node, pods ask their servers alone: {Reason}")]
    public static partial void DnsNotCaptured(ILogger logger, string reason);

    [LoggerMessage(EventId = 3202, Level = LogLevel.Information, Message = "Pod {Pod} (uid {Uid}) is captured in mode {Mode}.")]
    public static partial void PodCaptured(ILogger logger, string pod, string uid, CaptureMode mode);

    [LoggerMessage(EventId = 3203, Level = LogLevel.Warning,
        Message = "The rules of pod {Pod} (uid {Uid}) had been changed and were repaired: {Differences}.")]
    public static partial void PodRepaired(ILogger logger, string pod, string uid, string differences);

    [LoggerMessage(EventId = 3204, Level = LogLevel.Error,
        Message = "Pod {Pod} (uid {Uid}) is not captured as it must be: {Reason} Trying again in {Delay}.")]
    public static partial void PodWrong(ILogger logger, string pod, string uid, string reason, TimeSpan delay);

    [LoggerMessage(EventId = 3205, Level = LogLevel.Information, Message = "Pod {Pod} (uid {Uid}) has left the mesh.")]
    public static partial void PodLeft(ILogger logger, string pod, string uid);

    [LoggerMessage(EventId = 3206, Level = LogLevel.Warning,
        Message = "Annotations of pod {Pod} (uid {Uid}) are wrong and left out: {Reason}.")]
    public static partial void AnnotationsWrong(ILogger logger, string pod, string uid, string reason);

    [LoggerMessage(EventId = 3207, Level = LogLevel.Warning,
        Message = "No proxy listens in pod {Pod} (uid {Uid}): its connections are refused until one does.")]
    public static partial void PodRefusing(ILogger logger, string pod, string uid);

    [LoggerMessage(EventId = 3208, Level = LogLevel.Warning,
        Message = "The rules of pod {Pod} (uid {Uid}) could not be removed: {Reason}.")]
    public static partial void RemovalFailed(ILogger logger, string pod, string uid, string reason);

    [LoggerMessage(EventId = 3209, Level = LogLevel.Error, Message = "The status file {Path} cannot be written: {Reason}.")]
    public static partial void StatusNotWritten(ILogger logger, string path, string reason);
}
