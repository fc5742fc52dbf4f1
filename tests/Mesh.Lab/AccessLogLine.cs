using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mesh.Lab;

/// <summary>What a proxy wrote about one connection that ended. Fields that do not apply are null.</summary>
public sealed class AccessLogLine
{
    private readonly JsonObject _fields;

    private AccessLogLine(JsonObject fields)
    {
        _fields = fields;
    }

    public string Message => Text("message") ?? "";

    /// <summary>The way through the proxy: Outbound, SameNode, InboundHbone and so on.</summary>
    public string? Path => Text("path");

    public string? CloseReason => Text("close_reason");

    public string? SourceAddress => Text("src.addr");

    public string? SourceIdentity => Text("src.identity");

    public string? SourceWorkload => Text("src.workload");

    public string? DestinationAddress => Text("dst.addr");

    public string? DestinationIdentity => Text("dst.identity");

    public string? DestinationWorkload => Text("dst.workload");

    public string? DestinationNamespace => Text("dst.namespace");

    public string? DestinationService => Text("dst.service");

    /// <summary>What led to the close: a policy and rule, OpenSSL's words, an errno.</summary>
    public string? Detail => Text("error") ?? Text("detail");

    public long BytesSent => Number("bytes_sent");

    public long BytesReceived => Number("bytes_recv");

    /// <summary>The lines about connections among the lines of a log whose format is json.</summary>
    public static IReadOnlyList<AccessLogLine> Parse(string log)
    {
        var lines = new List<AccessLogLine>();
        foreach (string line in log.Split('\n').Where(line => line.StartsWith('{')))
        {
            // The last line may be half written.
            if (TryParse(line) is { } fields && fields["scope"]?.GetValue<string>() == "access")
            {
                lines.Add(new AccessLogLine(fields));
            }
        }

        return lines;
    }

    public override string ToString() => _fields.ToJsonString();

    private string? Text(string name) => _fields[name]?.ToString();

    private long Number(string name) => long.Parse(Text(name) ?? "0", CultureInfo.InvariantCulture);

    private static JsonObject? TryParse(string line)
    {
        try
        {
            return JsonNode.Parse(line) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
