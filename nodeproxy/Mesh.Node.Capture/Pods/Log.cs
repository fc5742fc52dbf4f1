using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Pods;

/// <summary>What pod sources say to an operator.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 3101, Level = LogLevel.Error,
        Message = "Pod directory {Directory} cannot be read: {Reason}. Pods known now stay as they are.")]
    public static partial void DirectoryUnavailable(ILogger logger, string directory, string reason);

    [LoggerMessage(EventId = 3102, Level = LogLevel.Error, Message = "Pod file {File} is wrong: {Reason}; {Consequence}.")]
    public static partial void PodFileWrong(ILogger logger, string file, string reason, string consequence);
}
