using Mesh.Interop.Linux;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy;

/// <summary>What the data plane says to its operator.</summary>
internal static partial class Log
{
    [LoggerMessage(EventId = 1001, Level = LogLevel.Error,
        Message = "Connection {Id} ended by a fault in the proxy. Please report it.")]
    public static partial void ConnectionFaulted(ILogger logger, long id, Exception fault);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Warning,
        Message = "A connection to {Pod} port {Port} could not be accepted: {Error}. Retrying; raise the open-files limit "
            + "if this goes on.")]
    public static partial void AcceptFailed(ILogger logger, string pod, int port, Errno error);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Information,
        Message = "Serving pod {Pod} (uid {Uid}) on loop {Loop}.")]
    public static partial void PodStarted(ILogger logger, string pod, string uid, int loop);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Information, Message = "Stopped serving pod {Pod} (uid {Uid}).")]
    public static partial void PodStopped(ILogger logger, string pod, string uid);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Warning,
        Message = "Tunnel from {Pod} to {Peer} failed: {Reason}. {Detail}")]
    public static partial void TunnelFailed(ILogger logger, string pod, string peer, string reason, string? detail);

    [LoggerMessage(EventId = 1011, Level = LogLevel.Error,
        Message = "A tunnel from {Pod} to {Peer} ended by a fault in the proxy before it stood. Please report it.")]
    public static partial void TunnelFaulted(ILogger logger, string pod, string peer, Exception fault);

    [LoggerMessage(EventId = 1006, Level = LogLevel.Information,
        Message = "Listeners cannot be offered to a next proxy at {Path} yet: {Reason}.")]
    public static partial void ListenersNotOffered(ILogger logger, string path, string reason);

    [LoggerMessage(EventId = 1007, Level = LogLevel.Warning,
        Message = "Process {ProcessId} asked for listeners and was refused: {Reason}.")]
    public static partial void ListenersRefused(ILogger logger, int processId, string reason);

    [LoggerMessage(EventId = 1008, Level = LogLevel.Information, Message = "{Count} listeners are shared with process {ProcessId}.")]
    public static partial void ListenersGiven(ILogger logger, int count, int processId);

    [LoggerMessage(EventId = 1010, Level = LogLevel.Information,
        Message = "The admin ports are closed: process {ProcessId} serves them from here on.")]
    public static partial void PortsReleased(ILogger logger, int processId);

    [LoggerMessage(EventId = 1012, Level = LogLevel.Warning,
        Message = "Process {ProcessId}, which served the admin ports, has ended; they are served here again.")]
    public static partial void PortsTakenBack(ILogger logger, int processId);

    [LoggerMessage(EventId = 1013, Level = LogLevel.Warning,
        Message = "The process that served the admin ports has ended, and they cannot be served here again yet: {Reason}.")]
    public static partial void PortsNotTakenBack(ILogger logger, string reason);

    [LoggerMessage(EventId = 1014, Level = LogLevel.Warning,
        Message = "The name {Name} of an endpoint was not found: {Reason}. It is asked for again, and what was last found stays.")]
    public static partial void NameNotFound(ILogger logger, string name, string reason);

    [LoggerMessage(EventId = 1015, Level = LogLevel.Information, Message = "The name {Name} of an endpoint was found again.")]
    public static partial void NameFoundAgain(ILogger logger, string name);

    [LoggerMessage(EventId = 1016, Level = LogLevel.Error,
        Message = "Endpoints have more names than the {Limit} that are looked up; the others stay without an address.")]
    public static partial void NamesTooMany(ILogger logger, int limit);

    [LoggerMessage(EventId = 1017, Level = LogLevel.Error,
        Message = "What {Pod} asks of DNS servers cannot be heard yet: {Reason}. The proxy before this one may have served it; tried again "
            + "when the configuration changes.")]
    public static partial void DnsNotHeard(ILogger logger, string pod, string reason);

    [LoggerMessage(EventId = 1009, Level = LogLevel.Warning,
        Message = "The proxy at {Path} gave no listeners: {Reason}. New ones are opened beside its own.")]
    public static partial void ListenersNotTaken(ILogger logger, string path, string reason);
}
