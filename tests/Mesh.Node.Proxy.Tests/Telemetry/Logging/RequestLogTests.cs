using System.Net;
using System.Text;
using System.Text.Json;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Proxy.Tests.Telemetry.Requests;
using Mesh.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Logging;

public sealed class RequestLogTests
{
    private static readonly FakeTimeProvider s_time = new(new DateTimeOffset(2025, 11, 23, 12, 0, 0, 123, TimeSpan.Zero));

    [Fact]
    public void A_request_has_every_field_of_istios_text_in_its_order() => Assert.Equal(
        "[2025-11-23T12:00:00.111Z] \"GET /items?id=7 HTTP/1.1\" 200 - via_upstream - \"-\" 5 2000 12 9"
        + " \"10.1.0.5\" \"curl/8.5\" \"7d5a-11\" \"stock:8080\" \"10.2.0.7:8080\" outbound|8080|v1|stock.shop.svc.cluster.local"
        + " 10.1.0.1:50000 10.2.0.7:8080 10.1.0.5:40000 - split-90-10\n",
        Log(AccessLogMode.Text, AskWhole));

    [Fact]
    public void A_request_has_every_field_of_istios_JSON_in_its_order_and_who_asked_whom() => Assert.Equal(
        "{\"start_time\":\"2025-11-23T12:00:00.111Z\",\"route_name\":\"split-90-10\",\"method\":\"GET\",\"path\":\"/items?id=7\""
        + ",\"protocol\":\"HTTP/1.1\",\"response_code\":200,\"response_flags\":\"-\",\"response_code_details\":\"via_upstream\""
        + ",\"connection_termination_details\":\"-\",\"bytes_received\":5,\"bytes_sent\":2000,\"duration\":12,\"upstream_service_time\":\"9\""
        + ",\"x_forwarded_for\":\"10.1.0.5\",\"user_agent\":\"curl/8.5\",\"request_id\":\"7d5a-11\",\"authority\":\"stock:8080\""
        + ",\"upstream_host\":\"10.2.0.7:8080\",\"upstream_cluster\":\"outbound|8080|v1|stock.shop.svc.cluster.local\""
        + ",\"upstream_local_address\":\"10.1.0.1:50000\",\"downstream_local_address\":\"10.2.0.7:8080\""
        + ",\"downstream_remote_address\":\"10.1.0.5:40000\",\"requested_server_name\":\"-\",\"upstream_transport_failure_reason\":\"-\""
        + ",\"source_principal\":\"spiffe://cluster.local/ns/shop/sa/cart\""
        + ",\"destination_principal\":\"spiffe://cluster.local/ns/shop/sa/stock\"}\n",
        Log(AccessLogMode.Json, AskWhole));

    [Fact]
    public void What_is_missing_is_a_dash() => Assert.Equal(
        "[2025-11-23T12:00:00.123Z] \"- - -\" 0 DC - - \"-\" 0 0 0 - \"-\" \"-\" \"-\" \"-\" \"-\" - - 10.2.0.7:8080 10.1.0.5:40000 - -\n",
        Log(AccessLogMode.Text, requests =>
        {
            RequestRecord record = new();
            requests.Began(record, TestMesh.Accepted(ConnectionPath.Outbound), nowMs: 5);
            record.Flags = ResponseFlag.DownstreamConnectionTermination;
            requests.Completed(record, nowMs: 5);
        }));

    [Fact]
    public void A_failure_says_its_flags_details_and_what_the_transport_said()
    {
        string line = Log(AccessLogMode.Text, requests => TestRequests.Ask(
            requests, TestMesh.CartToStock(ConnectionPath.Outbound), TestRequests.Get(), record =>
            {
                record.ResponseCode = 503;
                record.Flags = ResponseFlag.UpstreamConnectionFailure | ResponseFlag.UpstreamRetryLimitExceeded;
                record.Details = ResponseDetails.ResetByConnectionFailure;
                record.ConnectionTerminationDetails = "idle time out";
                record.UpstreamFailure = "certificate has \"expired\"";
            }));
        Assert.Contains(
            "\" 503 UF,URX upstream_reset_before_response_started{connection_failure} idle_time_out \"certificate has \\\"expired\\\"\" ",
            line,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ConnectionPath.Outbound, "outbound|8080|v1|stock.shop.svc.cluster.local")]
    [InlineData(ConnectionPath.SameNode, "outbound|8080|v1|stock.shop.svc.cluster.local")]
    [InlineData(ConnectionPath.InboundHbone, "inbound|8080||")]
    [InlineData(ConnectionPath.InboundPlaintext, "inbound|8080||")]
    public void The_cluster_is_named_as_istio_does(ConnectionPath path, string cluster) =>
        Assert.Contains($" {cluster} ", Log(AccessLogMode.Text, requests => AskWhole(requests, TestMesh.CartToStock(path))), StringComparison.Ordinal);

    [Theory]
    [InlineData(ConnectionPath.Passthrough, "PassthroughCluster")]
    [InlineData(ConnectionPath.Outbound, "-")]
    public void Where_no_service_was_asked_for_the_path_names_it(ConnectionPath path, string cluster)
    {
        string line = Log(AccessLogMode.Json, requests => TestRequests.Ask(requests, TestMesh.Accepted(path), TestRequests.Get()));
        Assert.Contains($"\"upstream_cluster\":\"{cluster}\"", line, StringComparison.Ordinal);
    }

    // With what has been tried on every log: ends of lines, quotes, ANSI escapes, what is no UTF-8.
    [Theory]
    [InlineData("a\n[2025] \"GET /forged HTTP/1.1\" 200")]
    [InlineData("a\" 200 - via_upstream \"b")]
    [InlineData("a\\\" 200")]
    [InlineData("\u001b[2K\u0007\u0000")]
    [InlineData("\u2028\u2029\u0085\u202e")]
    [InlineData("", "status\":\"200")]
    public void No_client_can_add_a_field_or_a_line(params string[] pieces)
    {
        string sent = string.Concat(pieces);
        foreach (byte[] bytes in new[] { Encoding.UTF8.GetBytes(sent), [.. Encoding.UTF8.GetBytes(sent), 0xC3, 0x28, 0xFF, 0xF0, 0x9F] })
        {
            RequestHead head = new() { Method = bytes, Path = bytes, Authority = bytes, Protocol = HttpProtocol.Http11 };
            head.Fields.Add("user-agent"u8, bytes);
            head.Fields.Add("x-request-id"u8, bytes);
            head.Fields.Add("x-forwarded-for"u8, bytes);
            void Ask(RequestTelemetry requests) => TestRequests.Ask(requests, TestMesh.CartToStock(ConnectionPath.Outbound), head);

            string text = Log(AccessLogMode.Text, Ask);
            Assert.Equal(text.Length - 1, text.IndexOf('\n', StringComparison.Ordinal));
            Assert.DoesNotContain(text[..^1], char.IsControl);

            // Outside of escapes: seven quoted fields, as in every line.
            Assert.Equal(14, text.Replace("\\\\", "", StringComparison.Ordinal).Replace("\\\"", "", StringComparison.Ordinal).Count(c => c == '"'));

            string json = Log(AccessLogMode.Json, Ask);
            Assert.Equal(json.Length - 1, json.IndexOf('\n', StringComparison.Ordinal));
            using JsonDocument document = JsonDocument.Parse(json);
            Assert.Equal(26, document.RootElement.EnumerateObject().Count());
            string expected = Encoding.UTF8.GetString(bytes);
            Assert.Equal(expected, document.RootElement.GetProperty("path").GetString());
            Assert.Equal(expected, document.RootElement.GetProperty("user_agent").GetString());
        }
    }

    [Fact]
    public void Long_texts_are_cut_and_their_line_is_whole()
    {
        string path = "/" + new string('p', 100_000);
        string line = Log(AccessLogMode.Json, requests => TestRequests.Ask(
            requests,
            TestMesh.CartToStock(ConnectionPath.Outbound),
            TestRequests.Get(path, new string('h', 10_000), ("user-agent", new string('u', 10_000)), ("x-request-id", new string('i', 10_000)))));
        using JsonDocument document = JsonDocument.Parse(line);
        Assert.Equal(path[..1_024], document.RootElement.GetProperty("path").GetString());
        Assert.Equal(256, document.RootElement.GetProperty("authority").GetString()!.Length);
        Assert.Equal(256, document.RootElement.GetProperty("user_agent").GetString()!.Length);
        Assert.Equal(128, document.RootElement.GetProperty("request_id").GetString()!.Length);
    }

    [Fact]
    public void A_later_head_replaces_an_earlier_one()
    {
        string line = Log(AccessLogMode.Text, requests => TestRequests.Ask(
            requests, TestMesh.CartToStock(ConnectionPath.Outbound), TestRequests.Get("/first"), record => record.SetRequest(TestRequests.Get("/second"))));
        Assert.Contains("\"GET /second HTTP/1.1\"", line, StringComparison.Ordinal);
        Assert.DoesNotContain("first", line, StringComparison.Ordinal);
    }

    // The upstream answered 9 ms after the request had arrived whole, 11 after its first byte.
    [Theory]
    [InlineData(-1, 1_011, "11")]
    [InlineData(1_002, 1_011, "9")]
    [InlineData(1_012, 1_011, "11")]
    [InlineData(1_002, -1, "-")]
    public void The_upstreams_time_begins_when_it_has_the_request(long receivedMs, long firstByteMs, string expected)
    {
        string line = Log(AccessLogMode.Json, requests => TestRequests.Ask(
            requests, TestMesh.CartToStock(ConnectionPath.Outbound), TestRequests.Get(), record =>
            {
                record.ReceivedMs = receivedMs;
                record.FirstUpstreamByteMs = firstByteMs;
            }));
        Assert.Contains($"\"upstream_service_time\":\"{expected}\"", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(AccessLogMode.Off, LogLevel.Information)]
    [InlineData(AccessLogMode.Text, LogLevel.Warning)]
    public void Nothing_is_written_or_kept_where_no_line_is_wanted(AccessLogMode mode, LogLevel level)
    {
        RequestRecord? record = null;
        Assert.Empty(Log(mode, requests => record = TestRequests.Ask(requests, TestMesh.CartToStock(ConnectionPath.Outbound), TestRequests.Get()), level));
        Assert.True(record!.Text(RequestText.Path).IsEmpty);
    }

    [Fact]
    public void Records_are_used_again_while_their_lines_wait()
    {
        string text = Log(AccessLogMode.Text, requests =>
        {
            RequestRecord record = new();
            for (int index = 0; index < 1_000; index++)
            {
                TestRequests.Ask(requests, TestMesh.CartToStock(ConnectionPath.Outbound), TestRequests.Get($"/{index}"), record: record);
            }
        });
        Assert.Equal(
            Enumerable.Range(0, 1_000).Select(index => $"/{index}"),
            text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[2]));
    }

    [Fact]
    public void A_reader_that_stands_still_never_holds_a_loop_and_what_does_not_fit_is_counted()
    {
        using GatedStream output = new();
        using NodeTelemetry node = Create(AccessLogMode.Text, output, LogLevel.Information);
        RequestTelemetry requests = node.RequestsForLoop(0);
        AskWhole(requests);
        output.WaitForWriter();

        for (int index = 0; index < 2_000; index++)
        {
            AskWhole(requests);
        }

        Assert.Equal(2_000 - 1_024, node.Log.AccessDropped);
        output.Open();
        node.Log.Dispose();
        Assert.Equal(1 + 1_024, node.Log.AccessWritten);
        Assert.Equal(1 + 1_024, output.Lines);
    }

    [Fact]
    public void A_request_that_is_logged_allocates_nothing()
    {
        using NodeTelemetry node = Create(AccessLogMode.Text, Stream.Null, LogLevel.Information, TimeProvider.System);
        RequestTelemetry requests = node.RequestsForLoop(0);
        RequestRecord record = new();
        ConnectionRecord connection = TestMesh.CartToStock(ConnectionPath.Outbound);
        RequestHead head = TestRequests.Get(fields: [("user-agent", "curl/8.5"), ("x-request-id", "7d5a")]);
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int index = 0; index < 5_000; index++)
            {
                requests.Began(record, connection, nowMs: 0);
                record.SetRequest(head);
                record.ResponseCode = 200;
                requests.Completed(record, nowMs: 1);
            }
        }));
    }

    private static void AskWhole(RequestTelemetry requests) => AskWhole(requests, TestMesh.CartToStock(ConnectionPath.Outbound));

    private static void AskWhole(RequestTelemetry requests, ConnectionRecord connection) => TestRequests.Ask(
        requests,
        connection,
        TestRequests.Get(fields: [("user-agent", "curl/8.5"), ("x-request-id", "7d5a-11"), ("x-forwarded-for", "10.1.0.5"), ("accept", "*/*")]),
        record =>
        {
            record.ReceivedMs = 1_001;
            record.FirstUpstreamByteMs = 1_010;
            record.RequestBytes = 5;
            record.ResponseBytes = 2_000;
            record.Upstream = IPEndPoint.Parse("10.2.0.7:8080");
            record.UpstreamLocal = IPEndPoint.Parse("10.1.0.1:50000");
            record.Port = 8080;
            record.Subset = "v1";
            record.RouteName = "split-90-10";
        },
        durationMs: 12);

    [Theory]
    [InlineData(AccessLogMode.Off, ConnectionPath.Outbound, RequestLog.Written, RequestLog.ByNode, true)]
    [InlineData(AccessLogMode.Off, ConnectionPath.Outbound, RequestLog.ByNode, RequestLog.Written, false)]
    [InlineData(AccessLogMode.Off, ConnectionPath.InboundHbone, RequestLog.Written, RequestLog.ByNode, false)]
    [InlineData(AccessLogMode.Off, ConnectionPath.InboundHbone, RequestLog.ByNode, RequestLog.Written, true)]
    [InlineData(AccessLogMode.Off, ConnectionPath.SameNode, RequestLog.Omitted, RequestLog.Written, true)]
    [InlineData(AccessLogMode.Off, ConnectionPath.SameNode, RequestLog.ByNode, RequestLog.Omitted, false)]
    [InlineData(AccessLogMode.Text, ConnectionPath.Outbound, RequestLog.Omitted, RequestLog.Written, false)]
    [InlineData(AccessLogMode.Text, ConnectionPath.Outbound, RequestLog.ByNode, RequestLog.Omitted, true)]
    [InlineData(AccessLogMode.Text, ConnectionPath.SameNode, RequestLog.Omitted, RequestLog.ByNode, true)]
    [InlineData(AccessLogMode.Text, ConnectionPath.SameNode, RequestLog.Omitted, RequestLog.Omitted, false)]
    public void Whose_requests_have_lines_is_the_workloads_before_the_nodes(
        AccessLogMode node, ConnectionPath path, RequestLog client, RequestLog server, bool isWritten)
    {
        string log = Log(node, requests =>
        {
            ConnectionRecord connection = TestMesh.CartToStock(path);
            connection.Source = connection.Source! with { Logging = new RequestLogging(client, RequestLog.ByNode) };
            connection.DestinationWorkload =
                connection.DestinationWorkload! with { Logging = new RequestLogging(RequestLog.ByNode, server) };
            TestRequests.Ask(requests, connection, TestRequests.Get(), mayBeLogged: true);
        });
        Assert.Equal(isWritten, log.Contains("\"GET /items?id=7 HTTP/1.1\" 200", StringComparison.Ordinal));
        Assert.Equal(isWritten, log.Length > 0);
    }

    private static string Log(AccessLogMode mode, Action<RequestTelemetry> ask, LogLevel level = LogLevel.Information)
    {
        using MemoryStream output = new();
        using (NodeTelemetry node = Create(mode, output, level))
        {
            ask(node.RequestsForLoop(0));
        }

        return Encoding.UTF8.GetString(output.ToArray());
    }

    private static NodeTelemetry Create(AccessLogMode mode, Stream output, LogLevel level, TimeProvider? time = null) => new(
        new TelemetryOptions(),
        new LogOptions { Access = AccessLogMode.Off, Requests = mode, Level = level, AccessQueueMax = 1_024 },
        loops: 1,
        output,
        time ?? s_time);
}
