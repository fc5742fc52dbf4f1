using Mesh.Cni.Contract;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Cni;

/// <summary>What the CNI side says to an operator.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 3401, Level = LogLevel.Information, Message = "New pod {Pod} (uid {Uid}) is captured and may start.")]
    public static partial void Attached(ILogger logger, string pod, string uid);

    [LoggerMessage(EventId = 3402, Level = LogLevel.Debug, Message = "New pod {Pod} is not of the mesh and may start.")]
    public static partial void NotEnrolled(ILogger logger, string pod);

    [LoggerMessage(EventId = 3403, Level = LogLevel.Warning, Message = "CNI {Command} of pod {Pod} is refused: {Reason} {Details}")]
    public static partial void Refused(ILogger logger, CniCommand command, string pod, string reason, string details);

    [LoggerMessage(EventId = 3404, Level = LogLevel.Warning,
        Message = "Process {ProcessId} of user {UserId} connected to the CNI socket and was not heard: only root is.")]
    public static partial void StrangerRefused(ILogger logger, int processId, uint userId);

    [LoggerMessage(EventId = 3405, Level = LogLevel.Warning, Message = "A CNI request could not be read: {Reason}.")]
    public static partial void RequestRefused(ILogger logger, string reason);

    [LoggerMessage(EventId = 3406, Level = LogLevel.Error, Message = "Connections to the CNI socket {Path} cannot be accepted: {Reason}.")]
    public static partial void AcceptFailed(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = 3407, Level = LogLevel.Error,
        Message = "A CNI request failed by a fault of the agent; its pod does not start. Please report it.")]
    public static partial void RequestFailed(ILogger logger, Exception fault);

    [LoggerMessage(EventId = 3408, Level = LogLevel.Information, Message = "CNI plug-in: {Change}.")]
    public static partial void Installed(ILogger logger, string change);

    [LoggerMessage(EventId = 3409, Level = LogLevel.Error,
        Message = "The CNI plug-in is not installed as it must be, and new pods may start uncaptured: {Problem}.")]
    public static partial void NotInstalled(ILogger logger, string problem);
}
