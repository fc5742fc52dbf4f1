using System.Globalization;
using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Proxy.Tests.Telemetry.Metrics;
using Mesh.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Requests;

public sealed class RequestSeriesTests : IDisposable
{
    private const string Requests = "istio_requests_total";
    private const string Duration = "istio_request_duration_milliseconds";

    private static readonly string[] s_allLabels =
    [
        "reporter", "source_workload", "source_canonical_service", "source_canonical_revision", "source_workload_namespace",
        "source_principal", "source_app", "source_version", "source_cluster", "destination_service", "destination_service_namespace",
        "destination_service_name", "destination_workload", "destination_canonical_service", "destination_canonical_revision",
        "destination_workload_namespace", "destination_principal", "destination_app", "destination_version", "destination_cluster",
        "request_protocol", "response_code", "grpc_response_status", "response_flags", "connection_security_policy",
    ];

    private readonly FakeTimeProvider _time = new();
    private NodeTelemetry? _created;

    private NodeTelemetry Node => _created ??= Create(new TelemetryOptions());

    public void Dispose() => _created?.Dispose();

    // What each path says: who reports, how protected the request was, and the service where there is none.
    [Theory]
    [InlineData(ConnectionPath.Outbound, "source=unknown")]
    [InlineData(ConnectionPath.SameNode, "source=unknown destination=none")]
    [InlineData(ConnectionPath.InboundHbone, "destination=mutual_tls")]
    [InlineData(ConnectionPath.InboundPlaintext, "destination=none")]
    [InlineData(ConnectionPath.Passthrough, "source=unknown")]
    public async Task Each_path_is_reported_by_the_sides_it_has(ConnectionPath path, string expected)
    {
        Ask(TestMesh.CartToStock(path));
        Dictionary<string, string>[] series = [.. (await Lines()).Where(line => line.Name == Requests).Select(line => line.Labels)];
        Assert.Equal(expected, string.Join(' ', series.Select(labels => $"{labels["reporter"]}={labels["connection_security_policy"]}")));
        Assert.All(series, labels =>
        {
            Assert.Equal(s_allLabels, labels.Keys);
            Assert.Equal(
                [
                    "cart", "cart", "v1", "shop", "spiffe://cluster.local/ns/shop/sa/cart", "cart", "v1", "Kubernetes",
                    "stock.shop.svc.cluster.local", "shop", "stock", "stock", "stock", "v2", "shop",
                    "spiffe://cluster.local/ns/shop/sa/stock", "stock", "v2", "Kubernetes", "http", "200", "", "-",
                ],
                s_allLabels[1..^1].Select(name => labels[name]));
        });
    }

    [Fact]
    public async Task A_request_counts_in_every_metric_of_its_series()
    {
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound), fill: record => (record.RequestBytes, record.ResponseBytes) = (300, 70_000), durationMs: 7);
        List<Exposition.Line> lines = await Lines();

        Assert.Equal(1, lines.Value(Requests));
        foreach ((string metric, string below, string at, double sum) in new[]
        {
            (Duration, "5", "10", 7.0), ("istio_request_bytes", "250", "500", 300.0), ("istio_response_bytes", "60000", "300000", 70_000.0),
        })
        {
            Assert.Equal(0, lines.Value(metric + "_bucket", ("le", below)));
            Assert.Equal(1, lines.Value(metric + "_bucket", ("le", at)));
            Assert.Equal(1, lines.Value(metric + "_bucket", ("le", "+Inf")));
            Assert.Equal(sum, lines.Value(metric + "_sum"));
            Assert.Equal(1, lines.Value(metric + "_count"));
        }

        Assert.DoesNotContain(lines, line => line.Name.EndsWith("_messages_total", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Buckets_are_Envoys_and_a_value_at_a_bound_is_below_it()
    {
        foreach (long durationMs in new long[] { 0, 1, 2, 3_600_000, 3_600_001 })
        {
            Ask(TestMesh.CartToStock(ConnectionPath.Outbound), durationMs: durationMs);
        }

        double[] expected = [1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5];
        Exposition.Line[] buckets = [.. (await Lines()).Where(line => line.Name == Duration + "_bucket")];
        Assert.Equal(expected, buckets.Select(line => line.Value));
        Assert.Equal(
            "0.5 1 5 10 25 50 100 250 500 1000 2500 5000 10000 30000 60000 300000 600000 1800000 3600000 +Inf",
            string.Join(' ', buckets.Select(line => line.Labels["le"])));
    }

    [Fact]
    public async Task OpenMetrics_gets_a_histogram_with_decimal_bounds()
    {
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound));
        string text = await Exposition.TextAsync(Node.Metrics, ExpositionFormat.OpenMetrics);
        Assert.Contains($"# TYPE {Duration} histogram\n", text, StringComparison.Ordinal);
        Assert.Contains(",le=\"10.0\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains(",le=\"0.5\"} 0\n", text, StringComparison.Ordinal);
        Assert.Contains(",le=\"+Inf\"} 1\n", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/grpc", "grpc")]
    [InlineData("application/grpc+proto", "grpc")]
    [InlineData("application/grpc; charset=x", "grpc")]
    [InlineData("application/grpc-web", "http")]
    [InlineData("application/grpcish", "http")]
    [InlineData("application/json", "http")]
    public async Task gRPC_is_told_by_its_content_type(string contentType, string protocol)
    {
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound), TestRequests.Grpc(contentType), record =>
        {
            record.SetGrpcStatus("14"u8);
            record.RequestMessages = 3;
            record.ResponseMessages = 5;
        });
        List<Exposition.Line> lines = await Lines();
        Assert.Equal(1, lines.Value(Requests, ("request_protocol", protocol), ("grpc_response_status", "14"), ("response_code", "200")));
        Assert.Equal(protocol == "grpc" ? 3 : 0, lines.Where(line => line.Name == "istio_request_messages_total").Sum(line => line.Value));
        Assert.Equal(protocol == "grpc" ? 5 : 0, lines.Where(line => line.Name == "istio_response_messages_total").Sum(line => line.Value));
    }

    [Theory]
    [InlineData("0", "0")]
    [InlineData("16", "16")]
    [InlineData("17", "2")]
    [InlineData("-1", "2")]
    [InlineData("99999999999", "2")]
    [InlineData("", "2")]
    [InlineData("1x", "2")]
    public async Task A_status_of_gRPC_is_one_of_its_codes(string text, string label)
    {
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound), TestRequests.Grpc(), record => record.SetGrpcStatus(System.Text.Encoding.UTF8.GetBytes(text)));
        Assert.Equal(1, (await Lines()).Value(Requests, ("grpc_response_status", label)));
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(99, "0")]
    [InlineData(100, "100")]
    [InlineData(599, "599")]
    [InlineData(600, "599")]
    [InlineData(999, "599")]
    public async Task Codes_that_do_not_exist_make_no_series(int code, string label)
    {
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound), fill: record => record.ResponseCode = code);
        Assert.Equal(1, (await Lines()).Value(Requests, ("response_code", label)));
    }

    [Fact]
    public async Task Flags_tell_series_apart_and_several_are_joined()
    {
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound), fill: record =>
        {
            record.ResponseCode = 503;
            record.Flags |= ResponseFlag.UpstreamRetryLimitExceeded;
            record.Flags |= ResponseFlag.UpstreamConnectionFailure;
        });
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound), fill: record => (record.ResponseCode, record.Flags) = (503, ResponseFlag.NoHealthyUpstream));
        List<Exposition.Line> lines = await Lines();
        Assert.Equal(1, lines.Value(Requests, ("response_code", "503"), ("response_flags", "UF,URX")));
        Assert.Equal(1, lines.Value(Requests, ("response_code", "503"), ("response_flags", "UH")));
    }

    // Whoever asks for 100,000 hosts, paths and agents makes one series, known destination or not.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_label_takes_its_value_from_what_a_client_sent(bool isKnown)
    {
        ConnectionRecord connection = isKnown ? TestMesh.CartToStock(ConnectionPath.Outbound) : TestMesh.Accepted(ConnectionPath.Passthrough);
        connection.Source = TestMesh.Cart;
        RequestHead head = new() { Method = "GET"u8, Protocol = HttpProtocol.Http11 };
        RequestRecord record = new();
        for (int index = 0; index < 100_000; index++)
        {
            byte[] text = System.Text.Encoding.ASCII.GetBytes("client-" + index.ToString(CultureInfo.InvariantCulture));
            head.Clear();
            head.Method = text;
            head.Path = text;
            head.Authority = text;
            head.Fields.Add("user-agent"u8, text);
            head.Fields.Add("x-request-id"u8, text);
            head.Fields.Add("x-forwarded-for"u8, text);
            head.Fields.Add("content-type"u8, text);
            TestRequests.Ask(Node.RequestsForLoop(0), connection, head, record: record);
        }

        List<Exposition.Line> lines = await Lines();
        Exposition.Line series = Assert.Single(lines, line => line.Name == Requests);
        Assert.Equal(100_000, series.Value);
        Assert.Equal(isKnown ? "stock" : "PassthroughCluster", series.Labels["destination_service_name"]);
        Assert.Equal(isKnown ? "stock.shop.svc.cluster.local" : "unknown", series.Labels["destination_service"]);
        Assert.DoesNotContain("client-", await Exposition.TextAsync(Node.Metrics), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_route_may_send_a_request_elsewhere_than_its_connection_went()
    {
        Service other = new("shop", "stock-v2.shop.svc.cluster.local") { Name = "stock-v2" };
        Workload server = Server(1);
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound), fill: record =>
        {
            record.Service = other;
            record.DestinationWorkload = server;
            record.DestinationIdentity = server.Identity;
            record.Path = ConnectionPath.SameNode;
        });
        List<Exposition.Line> lines = await Lines();
        foreach (string reporter in new[] { "source", "destination" })
        {
            Assert.Equal(1, lines.Value(
                Requests,
                ("reporter", reporter), ("destination_service_name", "stock-v2"), ("destination_workload", "server1"),
                ("destination_principal", "spiffe://cluster.local/ns/shop/sa/server1")));
        }
    }

    [Fact]
    public async Task A_record_that_is_used_again_says_nothing_of_the_request_before()
    {
        RequestRecord record = new();
        Ask(
            TestMesh.CartToStock(ConnectionPath.Outbound),
            TestRequests.Grpc(),
            filled =>
            {
                filled.SetGrpcStatus("3"u8);
                filled.Flags = ResponseFlag.FaultInjected;
                filled.RequestMessages = filled.ResponseMessages = filled.RequestBytes = filled.ResponseBytes = 9;
                filled.Attempts = 3;
            },
            record);
        Node.RequestsForLoop(0).Began(record, TestMesh.CartToStock(ConnectionPath.Outbound), nowMs: 0);
        Node.RequestsForLoop(0).Completed(record, nowMs: 0);

        List<Exposition.Line> lines = await Lines();
        Assert.Equal(1, lines.Value(
            Requests, ("request_protocol", "http"), ("response_code", "0"), ("grpc_response_status", ""), ("response_flags", "-")));
        Assert.Equal(0, lines.Value("istio_request_bytes_sum", ("response_code", "0")));
        Assert.Equal(2, lines.Value("mesh_request_retries_total"));
    }

    [Fact]
    public async Task Requests_of_all_loops_and_pods_of_a_workload_share_a_series()
    {
        Workload sibling = TestMesh.Pod("cart-2", "cart", "shop", "v1");
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound), loop: 0);
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound, sibling), loop: 1);
        ConnectionRecord handshaken = TestMesh.CartToStock(ConnectionPath.Outbound);
        handshaken.DestinationIdentity = SpiffeId.Parse(TestMesh.Stock.Identity.ToString());
        Ask(handshaken, loop: 0);
        List<Exposition.Line> lines = await Lines();
        Assert.Equal(3, lines.Value(Requests));
        Assert.Equal(3, lines.Value(Duration + "_count"));
        Assert.Equal(21, lines.Value(Duration + "_sum"));
    }

    [Fact]
    public async Task One_workload_cannot_take_all_series_and_what_is_above_its_limit_shares_one()
    {
        _created = Create(new TelemetryOptions { RequestSeriesPerWorkloadMax = 3, RequestSeriesMax = 100 });
        for (int code = 200; code < 210; code++)
        {
            Ask(TestMesh.CartToStock(ConnectionPath.Outbound), TestRequests.Grpc(), record => (record.ResponseCode, record.RequestMessages) = (code, 2));
        }

        Ask(TestMesh.CartToStock(ConnectionPath.Outbound, source: TestMesh.Pod("web-1", "web", "shop", "v1")));
        List<Exposition.Line> lines = await Lines();
        Assert.Equal(3, lines.Count(line => line.Name == Requests && line.Labels["source_workload"] == "cart"));
        Assert.Equal(1, lines.Value(Requests, ("source_workload", "web")));
        Assert.Equal(7, lines.Value(Requests, ("source_workload", "overflow"), ("response_flags", "overflow")));
        Assert.Equal(7, lines.Value(Duration + "_count", ("source_workload", "overflow")));
        Assert.Equal(14, lines.Value("istio_request_messages_total", ("source_workload", "overflow")));
        Assert.All(lines.Where(line => line.Name == Requests), line => Assert.Equal(s_allLabels, line.Labels.Keys));
        Assert.Equal(4, lines.Value("mesh_request_series"));
        Assert.Equal(7, lines.Value("mesh_request_series_overflowed_total"));
    }

    [Fact]
    public async Task All_workloads_together_stay_within_the_total()
    {
        _created = Create(new TelemetryOptions { RequestSeriesPerWorkloadMax = 10, RequestSeriesMax = 5 });
        for (int index = 0; index < 20; index++)
        {
            Ask(TestMesh.CartToStock(ConnectionPath.Outbound, source: Server(index)));
        }

        List<Exposition.Line> lines = [.. (await Lines()).Where(line => line.Name == Requests)];
        Assert.Equal(5 + 1, lines.Count);
        Assert.Equal(20, lines.Sum(line => line.Value));
    }

    [Fact]
    public async Task Series_expire_when_their_workloads_or_services_are_gone_and_not_before_the_retention_time()
    {
        Workload other = TestMesh.Pod("web-1", "web", "shop", "v1");
        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Cart, TestMesh.Stock, other], [TestMesh.StockService]));
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound));
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound, source: other));
        ConnectionRecord outside = TestMesh.Accepted(ConnectionPath.Passthrough);
        outside.Source = other;
        Ask(outside);
        Pass(TimeSpan.FromHours(1));
        Assert.Equal(3, await SeriesCount());

        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Stock, other], [TestMesh.StockService]));
        Pass(TimeSpan.FromMinutes(4));
        Assert.Equal(3, await SeriesCount());
        Pass(TimeSpan.FromMinutes(2));
        Assert.Equal(2, await SeriesCount());

        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Stock, other]));
        Pass(TimeSpan.FromMinutes(6));
        Exposition.Line left = Assert.Single(await Lines(), line => line.Name == Requests);
        Assert.Equal("PassthroughCluster", left.Labels["destination_service_name"]);
    }

    [Fact]
    public async Task What_expired_and_comes_back_counts_in_a_series_that_is_shown()
    {
        Ask(TestMesh.CartToStock(ConnectionPath.Outbound));
        Node.OnSnapshot(TestMesh.Snapshot([]));
        Pass(TimeSpan.FromHours(1));
        Assert.Equal(0, await SeriesCount());

        Ask(TestMesh.CartToStock(ConnectionPath.Outbound));
        Assert.Equal(1, (await Lines()).Value(Requests));
    }

    // So many servers that a loop cannot remember the series of each.
    [Theory]
    [InlineData(1)]
    [InlineData(900)]
    public void A_request_of_a_known_series_allocates_nothing(int servers)
    {
        _created = Create(new TelemetryOptions { RequestSeriesPerWorkloadMax = 10_000, RequestSeriesMax = 10_000 });
        Workload[] known = [.. Enumerable.Range(0, servers).Select(Server)];
        ConnectionRecord connection = TestMesh.CartToStock(ConnectionPath.SameNode);
        RequestHead head = TestRequests.Get(fields: [("user-agent", "curl/8.5"), ("x-request-id", "7d5a")]);
        RequestRecord record = new();
        RequestTelemetry requests = Node.RequestsForLoop(0);
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int index = 0; index < 2_000; index++)
            {
                requests.Began(record, connection, nowMs: 0);
                record.SetRequest(head);
                record.DestinationWorkload = known[index % servers];
                record.DestinationIdentity = record.DestinationWorkload.Identity;
                record.ResponseCode = 200;
                requests.Completed(record, nowMs: 1);
            }
        }));
    }

    private static Workload Server(int index) => TestMesh.Pod($"server{index}-1", $"server{index}", "shop", "v1");

    private NodeTelemetry Create(TelemetryOptions options) =>
        new(options, new LogOptions { Access = AccessLogMode.Off }, loops: 2, Stream.Null, _time);

    /// <summary>Time passes in steps, so that every timer sees the time it was due at.</summary>
    private void Pass(TimeSpan duration)
    {
        TimeSpan step = TimeSpan.FromSeconds(10);
        for (TimeSpan passed = TimeSpan.Zero; passed < duration; passed += step)
        {
            _time.Advance(step);
        }
    }

    private Task<List<Exposition.Line>> Lines() => Exposition.LinesAsync(Node.Metrics);

    private async Task<int> SeriesCount() => (await Lines()).Count(line => line.Name == Requests);

    private void Ask(
        ConnectionRecord connection,
        RequestHead? head = null,
        Action<RequestRecord>? fill = null,
        RequestRecord? record = null,
        int loop = 0,
        long durationMs = 7) =>
        TestRequests.Ask(Node.RequestsForLoop(loop), connection, head ?? TestRequests.Get(), fill, record, durationMs);
}
