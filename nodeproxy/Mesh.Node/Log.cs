using Microsoft.Extensions.Logging;

namespace Mesh.Node;

/// <summary>What the process says of its own life.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information,
        Message = "mesh-node {Version} proxy on node {Node}: {Loops} loops, {OpenSsl}, up to {OpenFilesMax} open files.")]
    public static partial void Starting(ILogger logger, string version, string node, int loops, string openSsl, long openFilesMax);

    [LoggerMessage(EventId = 2, Level = LogLevel.Critical,
        Message = "The proxy needs CAP_SYS_ADMIN and CAP_NET_ADMIN to open sockets in the namespaces of pods, and has not both.")]
    public static partial void MissingCapabilities(ILogger logger);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Stopping: connections have {DrainMs} ms to end.")]
    public static partial void Draining(ILogger logger, int drainMs);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "Stopped.")]
    public static partial void Stopped(ILogger logger);

    [LoggerMessage(EventId = 5, Level = LogLevel.Critical,
        Message = "The proxy lost its way to the control plane or to the agent by a fault of its own, and stops to be started anew. "
            + "Please report it.")]
    public static partial void PartEnded(ILogger logger, Exception fault);

    [LoggerMessage(EventId = 6, Level = LogLevel.Error,
        Message = "The configuration file is wrong now, and nothing of it is taken over: {Reason} What was good before holds.")]
    public static partial void ConfigurationWrong(ILogger logger, string reason);

    [LoggerMessage(EventId = 7, Level = LogLevel.Information, Message = "The configuration file {File} is right again.")]
    public static partial void ConfigurationRight(ILogger logger, string file);

    [LoggerMessage(EventId = 8, Level = LogLevel.Information, Message = "Taken over from the configuration file: {Keys}.")]
    public static partial void ConfigurationTaken(ILogger logger, string keys);

    [LoggerMessage(EventId = 9, Level = LogLevel.Warning,
        Message = "Changed in the configuration file, and in force only after a restart: {Keys}.")]
    public static partial void ConfigurationAwaitsRestart(ILogger logger, string keys);
}
