using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>What happened to the connection that a line is about.</summary>
internal enum AccessEvent : byte
{
    /// <summary>Its parties became known.</summary>
    Opened,

    /// <summary>It ended.</summary>
    Closed,
}

/// <summary>Writes one connection as one line, with the field names of ztunnel's access log.</summary>
internal static class AccessLogFormatter
{
    private const string Scope = "access";

    /// <summary>The level of the line about <paramref name="record"/>.</summary>
    public static LogLevel LevelOf(ConnectionRecord record, AccessEvent what)
    {
        if (what == AccessEvent.Opened)
        {
            return LogLevel.Debug;
        }

        bool isTunnel = ConnectionPaths.IsTunnel(record.Path);
        return (CloseReasons.Kind(record.Reason), record.ArePartiesKnown) switch
        {
            // The connections inside have lines of their own.
            (CloseKind.Ended, _) => isTunnel ? LogLevel.Debug : LogLevel.Information,
            (_, true) => LogLevel.Error,
            (_, false) => LogLevel.Warning,
        };
    }

    /// <summary>Appends the line.</summary>
    public static void Write(LogLine line, LogFormat format, ConnectionRecord record, AccessEvent what)
    {
        bool isOutbound = ConnectionPaths.IsOutbound(record.Path);
        line.Begin(format, record.LoggedUnixMs, LogLevelSwitch.Word(LevelOf(record, what)), Scope, Message(record, what));

        line.EndPoint("src.addr"u8, record.Client);
        line.Text("src.workload"u8, record.Source?.Name);
        line.Text("src.namespace"u8, record.Source?.Namespace);
        line.Text("src.identity"u8, record.SourceIdentity?.ToString());
        line.Text("src.cluster"u8, NullWhenEmpty(record.Source?.ClusterId));

        line.EndPoint("dst.addr"u8, isOutbound ? record.Upstream ?? record.Destination : record.Destination);
        line.EndPoint("dst.hbone_addr"u8, record.HboneAuthority);
        line.Text("dst.service"u8, record.Service?.Hostname);
        line.Text("dst.workload"u8, record.DestinationWorkload?.Name);
        line.Text("dst.namespace"u8, record.DestinationWorkload?.Namespace);
        line.Text("dst.identity"u8, record.DestinationIdentity?.ToString());
        line.Text("dst.cluster"u8, NullWhenEmpty(record.DestinationWorkload?.ClusterId));

        line.Text("requested_server_name"u8, NullWhenEmpty(record.ServerName));
        line.Text("dry_run"u8, record.DryRun);
        line.Word("direction"u8, isOutbound ? "outbound" : "inbound");
        line.Word("path"u8, ConnectionPaths.Name(record.Path));
        line.Number("id"u8, record.Id);
        if (what == AccessEvent.Closed)
        {
            // What was sent and received is said from this node's side: as the client's outbound, as the server's inbound.
            line.Number("bytes_sent"u8, isOutbound ? record.BytesSent : record.BytesReceived);
            line.Number("bytes_recv"u8, isOutbound ? record.BytesReceived : record.BytesSent);
            line.Milliseconds("duration"u8, record.DurationMs);
            line.Word("close_reason"u8, CloseReasons.Name(record.Reason));
            if (CloseReasons.Kind(record.Reason) == CloseKind.Ended)
            {
                line.Text("detail"u8, record.Detail);
            }
            else
            {
                line.Text("error"u8, record.Detail ?? CloseReasons.Name(record.Reason));
            }
        }

        line.End();
    }

    private static string Message(ConnectionRecord record, AccessEvent what) => (what, ConnectionPaths.IsTunnel(record.Path)) switch
    {
        (AccessEvent.Opened, false) => "connection opened",
        (AccessEvent.Opened, true) => "tunnel opened",
        (_, true) => HasCarried(record) ? "tunnel closed" : "tunnel failed",
        (_, false) => HasCarried(record) ? "connection complete" : "connection failed",
    };

    // The parties of a connection whose requests are read are each request's: it has none of its own.
    private static bool HasCarried(ConnectionRecord record) =>
        record.ArePartiesKnown || CloseReasons.Kind(record.Reason) == CloseKind.Ended;

    private static string? NullWhenEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
