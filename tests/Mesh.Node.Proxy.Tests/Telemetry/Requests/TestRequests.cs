using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Tests.Telemetry.Requests;

/// <summary>Requests as an engine would report them.</summary>
internal static class TestRequests
{
    public static RequestHead Get(string path = "/items?id=7", string authority = "stock:8080", params ReadOnlySpan<(string Name, string Value)> fields)
    {
        RequestHead head = new()
        {
            Method = "GET"u8,
            Path = Encoding.UTF8.GetBytes(path),
            Authority = Encoding.UTF8.GetBytes(authority),
            Protocol = HttpProtocol.Http11,
        };
        foreach ((string name, string value) in fields)
        {
            head.Fields.Add(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
        }

        return head;
    }

    public static RequestHead Grpc(string contentType = "application/grpc")
    {
        RequestHead head = new()
        {
            Method = "POST"u8,
            Path = "/shop.Stock/Count"u8,
            Authority = "stock:8080"u8,
            Protocol = HttpProtocol.Http2,
        };
        head.Fields.Add("content-type"u8, Encoding.UTF8.GetBytes(contentType));
        return head;
    }

    /// <summary>Runs one request from its first byte to its end.</summary>
    public static RequestRecord Ask(
        RequestTelemetry requests,
        ConnectionRecord connection,
        RequestHead head,
        Action<RequestRecord>? fill = null,
        RequestRecord? record = null,
        long durationMs = 7,
        bool mayBeLogged = false)
    {
        record ??= new RequestRecord();
        requests.Began(record, connection, nowMs: 1_000, mayBeLogged);
        record.SetRequest(head);
        record.ResponseCode = 200;
        record.Details = ResponseDetails.ViaUpstream;
        record.Attempts = 1;
        fill?.Invoke(record);
        requests.Completed(record, 1_000 + durationMs);
        return record;
    }
}
