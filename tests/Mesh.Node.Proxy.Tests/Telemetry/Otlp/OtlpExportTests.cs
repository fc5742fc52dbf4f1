using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Proxy.Telemetry.Otlp;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Proxy.Tests.Telemetry.Requests;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Time.Testing;
using OpenTelemetry.Exporter;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Otlp;

public sealed class OtlpExportTests
{
    private static readonly TimeSpan s_period = TimeSpan.FromMinutes(1);

    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData("grpc", HttpProtocols.Http2, "")]
    [InlineData("http", HttpProtocols.Http1, "/v1/metrics")]
    public async Task Metrics_reach_a_collector_in_both_forms_of_the_protocol(string protocol, HttpProtocols protocols, string path)
    {
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync(protocols);
        TelemetryOptions options = new() { OtlpEndpoint = collector.Address + path };
        using NodeTelemetry node = Create(options);
        node.Metrics.AddCounter("mesh_frames_total", "Frames.", LabelSet.Of(("kind", "data"))).Add(42);
        node.Metrics.AddGauge("mesh_pool", "Pool.", () => 2.5);
        Run(node, TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed, sent: 100);
        await using OtlpExport export = OtlpExport.Start(options, node, "node-1", _time)!;

        _time.Advance(s_period);
        OtlpReceiver.Push push = collector.Next();

        Assert.Equal(protocol, push.Protocol);
        Assert.Equal("mesh-node", push.Resource["service.name"]);
        Assert.Equal("node-1", push.Resource["service.instance.id"]);
        OtlpReceiver.Point frames = push.Point("mesh_frames", ("kind", "data"));
        Assert.True(frames.IsMonotonicCumulativeSum);
        Assert.Equal(42, frames.Value);
        OtlpReceiver.Point pool = push.Point("mesh_pool");
        Assert.False(pool.IsMonotonicCumulativeSum);
        Assert.Equal(2.5, pool.Value);
        OtlpReceiver.Point bytes = push.Point("istio_tcp_received_bytes");
        Assert.Equal(100, bytes.Value);
        Assert.Equal(23, bytes.Attributes.Count);
        Assert.Equal("spiffe://cluster.local/ns/shop/sa/cart", bytes.Attributes["source_principal"]);
    }

    [Fact]
    public async Task Every_metric_of_the_page_reaches_the_collector_as_the_type_it_has_there()
    {
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync(HttpProtocols.Http2);
        TelemetryOptions options = new() { OtlpEndpoint = collector.Address };
        using MeasuredNode measured = new(options, _time);
        Run(measured.Telemetry, TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed, sent: 100);
        Run(measured.Telemetry, TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.PolicyDenied);
        Ask(measured.Telemetry, durationMs: 7);
        Ask(measured.Telemetry, durationMs: 70);
        await using OtlpExport export = OtlpExport.Start(options, measured.Telemetry, "node-1", _time)!;
        NextPush(collector);
        OtlpReceiver.Push push = NextPush(collector);

        foreach (string[] row in DocumentedTables.RowsOf("metrics.md"))
        {
            bool isCounter = row[1] == "counter";
            string[] names = row[1] switch
            {
                "counter" => [row[0][..^"_total".Length]],
                "histogram" => [row[0] + "_bucket", row[0] + "_sum", row[0] + "_count"],
                _ => [row[0]],
            };
            foreach (string name in names)
            {
                List<OtlpReceiver.Point> points = [.. push.Points.Where(point => point.Metric == name)];
                Assert.True(points.Count > 0, $"{name} did not reach the collector.");
                Assert.All(points, point => Assert.Equal(isCounter, point.IsMonotonicCumulativeSum));
            }
        }

        Assert.Equal(0, push.Point("istio_request_duration_milliseconds_bucket", ("le", "5")).Value);
        Assert.Equal(1, push.Point("istio_request_duration_milliseconds_bucket", ("le", "10")).Value);
        Assert.Equal(2, push.Point("istio_request_duration_milliseconds_bucket", ("le", "+Inf")).Value);
        Assert.Equal(77, push.Point("istio_request_duration_milliseconds_sum").Value);
        Assert.Equal(2, push.Point("istio_request_duration_milliseconds_count").Value);

        Assert.Equal(2, push.Points.Where(point => point.Metric == "istio_tcp_connections_opened").Sum(point => point.Value));
        Assert.Equal(1, push.Points.Where(point => point.Metric == "istio_tcp_connections_failed").Sum(point => point.Value));
        Assert.Equal(1, push.Point("mesh_tunnels", ("state", "open")).Value);
        Assert.Equal(1, push.Point("mesh_certificates", ("state", "Available")).Value);
        Assert.Equal(1, push.Point("mesh_connections_closed", ("reason", "PolicyDenied")).Value);
        Assert.True(push.Point("process_resident_memory_bytes").Value > 0);
    }

    [Fact]
    public async Task Every_period_pushes_cumulative_values_with_one_start()
    {
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync(HttpProtocols.Http2);
        TelemetryOptions options = new() { OtlpEndpoint = collector.Address };
        using NodeTelemetry node = Create(options);
        Counter counter = node.Metrics.AddCounter("mesh_frames_total", "Frames.");
        await using OtlpExport export = OtlpExport.Start(options, node, "node-1", _time)!;

        counter.Add(1);
        _time.Advance(s_period);
        OtlpReceiver.Point first = collector.Next().Point("mesh_frames");
        counter.Add(2);
        OtlpReceiver.Point second = NextPush(collector).Point("mesh_frames");

        Assert.Equal(1, first.Value);
        Assert.Equal(3, second.Value);
        Assert.Equal(first.StartUnixNs, second.StartUnixNs);
        Assert.True(second.UnixNs > first.UnixNs);
    }

    [Fact]
    public async Task Series_that_expired_are_pushed_no_more_and_what_counts_on_counts_from_a_new_start()
    {
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync(HttpProtocols.Http2);
        TelemetryOptions options = new() { OtlpEndpoint = collector.Address, SeriesRetentionMs = 0 };
        using NodeTelemetry node = Create(options);
        Counter counter = node.Metrics.AddCounter("mesh_frames_total", "Frames.");
        await using OtlpExport export = OtlpExport.Start(options, node, "node-1", _time)!;
        counter.Add(10);
        Run(node, TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed);
        OtlpReceiver.Push before = NextPush(collector);
        Assert.Equal(1, before.Point("istio_tcp_connections_opened").Value);

        counter.Add(5);
        node.OnSnapshot(TestMesh.Snapshot([TestMesh.Stock], [TestMesh.StockService]));
        _time.Advance(s_period / 2);

        // The last push of the old start comes first; what follows it must add up with it.
        double total = 0;
        ulong start = 0;
        OtlpReceiver.Push last;
        do
        {
            last = NextPush(collector);
            OtlpReceiver.Point point = last.Point("mesh_frames");
            total = point.StartUnixNs == before.Point("mesh_frames").StartUnixNs ? point.Value : total + point.Value;
            start = point.StartUnixNs;
        }
        while (start == before.Point("mesh_frames").StartUnixNs);

        Assert.DoesNotContain(last.Points, point => point.Metric == "istio_tcp_connections_opened");
        Assert.Equal(15, total);
    }

    [Fact]
    public async Task Histograms_count_from_the_new_start_too()
    {
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync(HttpProtocols.Http2);
        TelemetryOptions options = new() { OtlpEndpoint = collector.Address, SeriesRetentionMs = 0 };
        using NodeTelemetry node = Create(options);
        await using OtlpExport export = OtlpExport.Start(options, node, "node-1", _time)!;
        Ask(node, durationMs: 7);
        Run(node, TestMesh.CartToStock(ConnectionPath.Outbound, TestMesh.Pod("web-1", "web", "shop", "v1")), CloseReason.Completed);
        const string Buckets = "istio_request_duration_milliseconds_bucket";
        OtlpReceiver.Point before = NextPush(collector).Point(Buckets, ("le", "10"));
        Assert.Equal(1, before.Value);

        // A TCP series goes, and with it the pipeline; the series of requests stays.
        node.OnSnapshot(TestMesh.Snapshot([TestMesh.Cart, TestMesh.Stock], [TestMesh.StockService]));
        Ask(node, durationMs: 8);
        double total = before.Value;
        OtlpReceiver.Point last;
        do
        {
            last = NextPush(collector).Point(Buckets, ("le", "10"));
            total = last.StartUnixNs == before.StartUnixNs ? last.Value : total + last.Value;
        }
        while (last.StartUnixNs == before.StartUnixNs);

        Assert.Equal(2, total);
    }

    [Fact]
    public async Task A_collector_that_refuses_is_counted_and_tried_again()
    {
        await using OtlpReceiver collector = await OtlpReceiver.StartAsync(HttpProtocols.Http2);
        collector.IsRefusing = true;
        TelemetryOptions options = new() { OtlpEndpoint = collector.Address };
        using NodeTelemetry node = Create(options);
        await using OtlpExport export = OtlpExport.Start(options, node, "node-1", _time)!;

        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                _time.Advance(s_period);
                return Pushes(node, "failed") > 0;
            },
            TimeSpan.FromSeconds(20)));
        collector.IsRefusing = false;
        NextPush(collector);
        Assert.True(SpinWait.SpinUntil(() => Pushes(node, "ok") > 0, TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void Without_an_endpoint_nothing_is_pushed()
    {
        using NodeTelemetry node = Create(new TelemetryOptions());
        Assert.Null(OtlpExport.Start(new TelemetryOptions(), node, "node-1", _time));
    }

    [Theory]
    [InlineData("http://10.0.0.1:4317", OtlpExportProtocol.Grpc)]
    [InlineData("https://collector.example/", OtlpExportProtocol.Grpc)]
    [InlineData("http://10.0.0.1:4318/v1/metrics", OtlpExportProtocol.HttpProtobuf)]
    public void The_address_says_the_form(string text, OtlpExportProtocol protocol) =>
        Assert.Equal(protocol, OtlpEndpoint.Parse(text).Protocol);

    [Theory]
    [InlineData("10.0.0.1:4317")]
    [InlineData("ftp://10.0.0.1")]
    [InlineData("http://10.0.0.1:4318/v1/traces")]
    [InlineData("http://user:word@10.0.0.1:4317")]
    [InlineData("http://10.0.0.1:4318/v1/metrics?x=1")]
    public void Another_address_is_refused_by_the_name_of_its_key(string text)
    {
        FormatException refused = Assert.Throws<FormatException>(() => OtlpEndpoint.Parse(text));
        Assert.StartsWith("telemetry.otlpEndpoint: ", refused.Message, StringComparison.Ordinal);
    }

    private NodeTelemetry Create(TelemetryOptions options) => new(options, new LogOptions(), loops: 1, Stream.Null, _time);

    private static double Pushes(NodeTelemetry node, string result) => node.Metrics.Families
        .Single(family => family.Name == "mesh_otlp_pushes_total").Collect()
        .Single(sample => sample.Labels[0].Value == result).Value;

    /// <summary>Lets periods pass until a push arrives: one may still be under way when the clock turns.</summary>
    private OtlpReceiver.Push NextPush(OtlpReceiver collector)
    {
        _time.Advance(s_period);
        return collector.Next();
    }

    private static void Ask(NodeTelemetry node, long durationMs)
    {
        RequestRecord record = new();
        node.RequestsForLoop(0).Began(record, TestMesh.CartToStock(ConnectionPath.Outbound), nowMs: 0);
        record.SetRequest(TestRequests.Grpc());
        record.ResponseCode = 200;
        node.RequestsForLoop(0).Completed(record, durationMs);
    }

    private static void Run(NodeTelemetry node, ConnectionRecord record, CloseReason reason, long sent = 0)
    {
        ConnectionTelemetry loop = node.ForLoop(0);
        loop.Opened(record);
        loop.PartiesKnown(record);
        record.AddSent(sent);
        record.TryEnd(reason);
        loop.Closed(record, nowMs: 0);
    }
}
