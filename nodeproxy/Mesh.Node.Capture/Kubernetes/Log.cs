using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>What reading from the API server says to an operator.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 3301, Level = LogLevel.Error,
        Message = "{Plural} cannot be followed: {Reason}. What is known of them holds until they can.")]
    public static partial void NotFollowed(ILogger logger, string plural, string reason);

    [LoggerMessage(EventId = 3302, Level = LogLevel.Information, Message = "{Plural} are followed again.")]
    public static partial void FollowedAgain(ILogger logger, string plural);

    [LoggerMessage(EventId = 3303, Level = LogLevel.Information,
        Message = "The API server no longer has the history of {Plural}; listing anew.")]
    public static partial void HistoryGone(ILogger logger, string plural);

    [LoggerMessage(EventId = 3304, Level = LogLevel.Warning,
        Message = "Pod {Pod} (uid {Uid}) asks for the mesh and is not captured: {Reason}.")]
    public static partial void NotCapturable(ILogger logger, string pod, string uid, string reason);

    [LoggerMessage(EventId = 3305, Level = LogLevel.Warning, Message = "An event of pod {Pod} could not be written: {Reason}.")]
    public static partial void EventNotSaid(ILogger logger, string pod, string reason);

    [LoggerMessage(EventId = 3306, Level = LogLevel.Warning,
        Message = "Whether the capture of pod {Pod} stands ({Stands}) could not be written on it: {Reason}.")]
    public static partial void CaptureNotNoted(ILogger logger, string pod, bool stands, string reason);

    [LoggerMessage(EventId = 3307, Level = LogLevel.Warning,
        Message = "The condition {Type} of node {Node} could not be written: {Reason}.")]
    public static partial void ConditionNotSaid(ILogger logger, string type, string node, string reason);
}
