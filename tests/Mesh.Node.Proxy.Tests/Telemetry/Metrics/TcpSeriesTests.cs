using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Testing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Metrics;

public sealed class TcpSeriesTests : IDisposable
{
    private static readonly string[] s_allLabels =
    [
        "reporter", "source_workload", "source_canonical_service", "source_canonical_revision", "source_workload_namespace",
        "source_principal", "source_app", "source_version", "source_cluster", "destination_service", "destination_service_namespace",
        "destination_service_name", "destination_workload", "destination_canonical_service", "destination_canonical_revision",
        "destination_workload_namespace", "destination_principal", "destination_app", "destination_version", "destination_cluster",
        "request_protocol", "response_flags", "connection_security_policy",
    ];

    private static readonly string[] s_families =
    [
        "istio_tcp_connections_opened_total", "istio_tcp_connections_closed_total", "istio_tcp_received_bytes_total",
        "istio_tcp_sent_bytes_total",
    ];

    private readonly FakeTimeProvider _time = new();
    private NodeTelemetry? _created;

    private NodeTelemetry Node => _created ??= Create(new TelemetryOptions());

    public void Dispose() => _created?.Dispose();

    [Fact]
    public async Task Every_series_has_every_label()
    {
        Run(TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed);
        Run(TestMesh.Accepted(ConnectionPath.InboundPlaintext), CloseReason.PolicyDenied);

        List<Exposition.Line> lines = [.. (await Lines()).Where(line => line.Name.StartsWith("istio_tcp_c", StringComparison.Ordinal))];
        Assert.NotEmpty(lines);
        Assert.All(lines, line => Assert.Equal(s_allLabels, line.Labels.Keys));
        Assert.All(lines.SelectMany(line => line.Labels.Values), value => Assert.NotEmpty(value));
    }

    [Fact]
    public async Task Labels_say_who_spoke_to_whom_and_how()
    {
        Run(TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed);
        Dictionary<string, string> labels = (await Lines()).Single(line => line.Name == "istio_tcp_sent_bytes_total").Labels;

        string[] expected =
        [
            "source", "cart", "cart", "v1", "shop", "spiffe://cluster.local/ns/shop/sa/cart", "cart", "v1", "Kubernetes",
            "stock.shop.svc.cluster.local", "shop", "stock", "stock", "stock", "v2", "shop", "spiffe://cluster.local/ns/shop/sa/stock",
            "stock", "v2", "Kubernetes", "tcp", "-", "mutual_tls",
        ];
        Assert.Equal(s_allLabels.Zip(expected), labels.Select(label => (label.Key, label.Value)));
    }

    [Fact]
    public async Task What_is_not_known_is_unknown()
    {
        Run(TestMesh.Accepted(ConnectionPath.InboundPlaintext), CloseReason.Completed);
        Dictionary<string, string> labels = (await Lines()).Single(line => line.Name == "istio_tcp_sent_bytes_total").Labels;
        Assert.Equal("destination", labels["reporter"]);
        Assert.All(
            labels.Where(label => label.Key is not ("reporter" or "request_protocol" or "response_flags")),
            label => Assert.Equal("unknown", label.Value));
    }

    [Theory]
    [InlineData(ConnectionPath.Outbound, "source")]
    [InlineData(ConnectionPath.Passthrough, "source")]
    [InlineData(ConnectionPath.InboundHbone, "destination")]
    [InlineData(ConnectionPath.InboundPlaintext, "destination")]
    public async Task Received_is_from_the_client_for_both_reporters(ConnectionPath path, string reporter)
    {
        Run(TestMesh.CartToStock(path), CloseReason.Completed, sent: 100, received: 2_000);
        List<Exposition.Line> lines = await Lines();
        Assert.Equal(100, lines.Value("istio_tcp_received_bytes_total", ("reporter", reporter)));
        Assert.Equal(2_000, lines.Value("istio_tcp_sent_bytes_total", ("reporter", reporter)));
        Assert.DoesNotContain(lines, line => line.Labels.GetValueOrDefault("reporter", reporter) != reporter && line.Value > 0);
    }

    [Fact]
    public async Task A_same_node_connection_is_reported_by_both_sides_and_never_as_mutual_TLS()
    {
        Run(TestMesh.CartToStock(ConnectionPath.SameNode), CloseReason.Completed, sent: 5, received: 7);
        List<Exposition.Line> lines = await Lines();
        foreach (string reporter in new[] { "source", "destination" })
        {
            Assert.Equal(1, lines.Value("istio_tcp_connections_opened_total", ("reporter", reporter)));
            Assert.Equal(1, lines.Value("istio_tcp_connections_closed_total", ("reporter", reporter)));
            Assert.Equal(5, lines.Value(
                "istio_tcp_received_bytes_total", ("reporter", reporter), ("connection_security_policy", "unknown")));
        }
    }

    [Fact]
    public async Task A_connection_is_opened_in_the_series_before_its_outcome_is_known()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        Node.ForLoop(0).Opened(record);
        Assert.Equal(1, (await Lines()).Value("mesh_connections_opened_total", ("path", "Outbound")));
        Assert.Equal(1, (await Lines()).Value("mesh_connections_open", ("path", "Outbound")));
        Assert.Equal(1, (await Lines()).Value("istio_tcp_sockets_open", ("reporter", "source")));

        Node.ForLoop(0).PartiesKnown(record);
        List<Exposition.Line> lines = await Lines();
        Assert.Equal(1, lines.Value("istio_tcp_connections_opened_total"));
        Assert.Equal(0, lines.Value("istio_tcp_connections_closed_total"));
    }

    [Fact]
    public async Task A_connection_whose_requests_are_counted_is_in_no_series_of_TCP()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        record.CarriesRequests = true;
        Run(record, CloseReason.Completed, sent: 5, received: 7);
        List<Exposition.Line> lines = await Lines();
        Assert.DoesNotContain(lines, line => line.Name.StartsWith("istio_tcp_", StringComparison.Ordinal) && line.Labels.Count > 1);
        Assert.Equal(1, lines.Value("mesh_connections_closed_total", ("path", "Outbound")));
    }

    [Fact]
    public async Task Refusals_and_failures_are_closed_and_failed_with_their_flags()
    {
        Run(TestMesh.CartToStock(ConnectionPath.InboundHbone), CloseReason.PolicyDenied);
        Run(TestMesh.CartToStock(ConnectionPath.InboundHbone), CloseReason.ConnectRefused);
        Run(TestMesh.CartToStock(ConnectionPath.InboundHbone), CloseReason.TunnelLost);
        Run(TestMesh.CartToStock(ConnectionPath.InboundHbone), CloseReason.ClientReset);

        List<Exposition.Line> lines = await Lines();
        Assert.Equal(4, lines.Value("istio_tcp_connections_opened_total"));
        Assert.Equal(2, lines.Value("istio_tcp_connections_closed_total", ("response_flags", "-")));
        Assert.Equal(1, lines.Value("istio_tcp_connections_closed_total", ("response_flags", "DENY")));
        Assert.Equal(1, lines.Value("istio_tcp_connections_closed_total", ("response_flags", "CONNECT")));
        Assert.Equal(1, lines.Value("istio_tcp_connections_failed_total", ("response_flags", "-")));
        Assert.Equal(1, lines.Value("istio_tcp_connections_failed_total", ("response_flags", "DENY")));
        Assert.Equal(1, lines.Value("mesh_connections_closed_total", ("path", "InboundHbone"), ("reason", "PolicyDenied")));
    }

    [Fact]
    public async Task A_connection_that_ends_before_its_parties_are_known_still_opens_and_closes_once()
    {
        ConnectionRecord record = TestMesh.Accepted(ConnectionPath.Outbound);
        Node.ForLoop(0).Opened(record);
        record.TryEnd(CloseReason.NoOriginalDestination);
        Node.ForLoop(0).Closed(record, nowMs: 0);

        List<Exposition.Line> lines = await Lines();
        Assert.Equal(1, lines.Value("istio_tcp_connections_opened_total"));
        Assert.Equal(1, lines.Value("istio_tcp_connections_closed_total", ("response_flags", "CONNECT")));
    }

    [Fact]
    public async Task Tunnels_are_not_connections_of_applications()
    {
        Run(TestMesh.CartToStock(ConnectionPath.OutboundTunnel), CloseReason.TunnelReleased, sent: 9);
        List<Exposition.Line> lines = await Lines();
        Assert.DoesNotContain(lines, line => s_families.Contains(line.Name));
        Assert.Equal(1, lines.Value("mesh_connections_closed_total", ("path", "OutboundTunnel"), ("reason", "TunnelReleased")));
    }

    [Fact]
    public async Task Pods_of_one_workload_and_connections_of_all_loops_share_a_series()
    {
        Run(TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed, loop: 0, sent: 1);
        Workload sibling = TestMesh.Pod("cart-2", "cart", "shop", "v1");
        Run(TestMesh.CartToStock(ConnectionPath.Outbound, sibling), CloseReason.Completed, loop: 1, sent: 2);

        // Another version of the same object, as after any change of it.
        Workload changed = TestMesh.Cart with { IsHealthy = false };
        Run(TestMesh.CartToStock(ConnectionPath.Outbound, changed), CloseReason.Completed, loop: 0, sent: 4);

        List<Exposition.Line> lines = await Lines();
        Assert.Equal(3, lines.Value("istio_tcp_connections_opened_total"));
        Assert.Equal(7, lines.Value("istio_tcp_received_bytes_total"));
    }

    [Fact]
    public async Task A_long_lived_connection_reports_its_bytes_while_it_is_open_and_none_of_them_twice()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        ConnectionTelemetry loop = Node.ForLoop(0);
        loop.Opened(record);
        loop.PartiesKnown(record);
        record.AddSent(10);
        Assert.Equal(0, (await Lines()).Value("istio_tcp_received_bytes_total"));

        Assert.Equal(0, loop.ReportOpenBytes(from: 0, connectionsMax: 1_000));
        Assert.Equal(10, (await Lines()).Value("istio_tcp_received_bytes_total"));
        loop.ReportOpenBytes(from: 0, connectionsMax: 1_000);
        Assert.Equal(10, (await Lines()).Value("istio_tcp_received_bytes_total"));

        record.AddSent(5);
        record.TryEnd(CloseReason.Completed);
        loop.Closed(record, nowMs: 0);
        Assert.Equal(15, (await Lines()).Value("istio_tcp_received_bytes_total"));
    }

    [Fact]
    public void Reporting_open_bytes_goes_in_parts()
    {
        ConnectionTelemetry loop = Node.ForLoop(0);
        for (int index = 0; index < 100; index++)
        {
            ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
            loop.Opened(record);
            loop.PartiesKnown(record);
            record.AddSent(1);
        }

        int parts = 0;
        int next = 0;
        do
        {
            next = loop.ReportOpenBytes(next, connectionsMax: 10);
            parts++;
        }
        while (next != 0);

        Assert.Equal(13, parts);
        foreach (ConnectionRecord record in loop.Open)
        {
            Assert.Equal(1, record.ReportedSent);
        }
    }

    [Fact]
    public async Task One_workload_cannot_take_all_series_and_what_is_above_its_limit_shares_one()
    {
        _created = Create(new TelemetryOptions { SeriesPerWorkloadMax = 3, SeriesMax = 100 });
        for (int index = 0; index < 10; index++)
        {
            Run(TestMesh.CartToStock(ConnectionPath.Outbound, destination: Server(index)), CloseReason.PolicyDenied, sent: 1);
        }

        Workload web = TestMesh.Pod("web-1", "web", "shop", "v1");
        Run(TestMesh.CartToStock(ConnectionPath.Outbound, source: web), CloseReason.Completed, sent: 1);

        List<Exposition.Line> lines = await Lines();
        Assert.Equal(3, lines.Count(line => line.Name == "istio_tcp_connections_opened_total" && line.Labels["source_workload"] == "cart"));
        Assert.Equal(1, lines.Value("istio_tcp_connections_opened_total", ("source_workload", "web")));
        Assert.Equal(7, lines.Value("istio_tcp_connections_opened_total", ("source_workload", "overflow")));
        Assert.Equal(7, lines.Value("istio_tcp_received_bytes_total", ("source_workload", "overflow")));
        Assert.Equal(7, lines.Value(
            "istio_tcp_connections_closed_total", ("source_workload", "overflow"), ("response_flags", "DENY")));
        Assert.Equal(4, lines.Value("mesh_tcp_series"));
        Assert.Equal(7, lines.Value("mesh_tcp_series_overflowed_total"));
    }

    [Fact]
    public async Task All_workloads_together_stay_within_the_total()
    {
        _created = Create(new TelemetryOptions { SeriesPerWorkloadMax = 10, SeriesMax = 5 });
        for (int index = 0; index < 20; index++)
        {
            Run(TestMesh.CartToStock(ConnectionPath.Outbound, source: Server(index)), CloseReason.Completed);
        }

        List<Exposition.Line> lines = await Lines();
        Assert.Equal(5 + 1, lines.Count(line => line.Name == "istio_tcp_connections_opened_total"));
        Assert.Equal(20, lines.Where(line => line.Name == "istio_tcp_connections_opened_total").Sum(line => line.Value));
    }

    [Fact]
    public async Task Series_expire_when_their_workloads_are_gone_and_not_before_the_retention_time()
    {
        Workload other = TestMesh.Pod("web-1", "web", "shop", "v1");
        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Cart, TestMesh.Stock, other], [TestMesh.StockService]));
        Run(TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed);
        Run(TestMesh.CartToStock(ConnectionPath.Outbound, source: other), CloseReason.Completed);
        Pass(TimeSpan.FromHours(1));
        Assert.Equal(2, await OpenedSeries());

        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Stock, other], [TestMesh.StockService]));
        Pass(TimeSpan.FromMinutes(4));
        Assert.Equal(2, await OpenedSeries());
        Pass(TimeSpan.FromMinutes(2));
        Exposition.Line left = Assert.Single(await Lines(), line => line.Name == "istio_tcp_connections_opened_total");
        Assert.Equal("web", left.Labels["source_workload"]);
    }

    [Fact]
    public async Task A_series_stays_while_any_pod_of_its_workload_does_and_when_the_workload_comes_back()
    {
        Run(TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed);
        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Pod("cart-9", "cart", "shop", "v1"), TestMesh.Stock], [TestMesh.StockService]));
        Pass(TimeSpan.FromHours(1));
        Assert.Equal(1, await OpenedSeries());

        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Stock], [TestMesh.StockService]));
        Pass(TimeSpan.FromMinutes(3));
        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Cart, TestMesh.Stock], [TestMesh.StockService]));
        Pass(TimeSpan.FromMinutes(3));
        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Stock], [TestMesh.StockService]));
        Pass(TimeSpan.FromMinutes(4));
        Assert.Equal(1, await OpenedSeries());
    }

    [Fact]
    public async Task A_series_with_an_open_connection_outlives_its_workloads_and_counts_on_afterwards()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        Node.ForLoop(0).Opened(record);
        Node.ForLoop(0).PartiesKnown(record);
        Node.OnSnapshot(TestMesh.Snapshot([]));
        Pass(TimeSpan.FromHours(1));
        Assert.Equal(1, await OpenedSeries());

        record.TryEnd(CloseReason.WorkloadRemoved);
        Node.ForLoop(0).Closed(record, nowMs: 0);
        Pass(TimeSpan.FromHours(1));
        Assert.Equal(0, await OpenedSeries());

        Run(TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed, sent: 3);
        Assert.Equal(3, (await Lines()).Value("istio_tcp_received_bytes_total"));
    }

    [Fact]
    public async Task Nothing_expires_before_the_first_complete_snapshot()
    {
        Run(TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed);
        Pass(TimeSpan.FromHours(1));
        Assert.Equal(1, await OpenedSeries());
    }

    [Fact]
    public async Task Room_that_expiry_made_is_used_again()
    {
        _created = Create(new TelemetryOptions { SeriesPerWorkloadMax = 1 });
        Workload first = Server(1);
        Workload second = Server(2);
        Run(TestMesh.CartToStock(ConnectionPath.Outbound, destination: first), CloseReason.Completed);
        Run(TestMesh.CartToStock(ConnectionPath.Outbound, destination: second), CloseReason.Completed);
        Node.OnSnapshot(TestMesh.Snapshot([TestMesh.Cart, second], [TestMesh.StockService]));
        Pass(TimeSpan.FromHours(1));

        Run(TestMesh.CartToStock(ConnectionPath.Outbound, destination: second), CloseReason.Completed);
        List<Exposition.Line> lines = await Lines();
        Assert.Equal(1, lines.Value("istio_tcp_connections_opened_total", ("destination_workload", second.ControllerName)));
        Assert.DoesNotContain(lines, line => line.Labels.GetValueOrDefault("destination_workload") == first.ControllerName);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Regions_and_zones_are_labels_when_asked_for_and_tell_no_series_apart_otherwise(bool localityLabels)
    {
        _created = Create(new TelemetryOptions { LocalityLabels = localityLabels });
        Workload south = TestMesh.Cart with { Locality = new Locality("south", "south-1", "") };
        Run(TestMesh.CartToStock(ConnectionPath.Outbound), CloseReason.Completed);
        Run(TestMesh.CartToStock(ConnectionPath.Outbound, source: south), CloseReason.Completed);
        Assert.Equal(localityLabels ? 2 : 1, await OpenedSeries());
        Assert.Equal(localityLabels, (await Lines()).Any(line => line.Labels.GetValueOrDefault("source_zone") == "south-1"));
    }

    // So many servers that a loop cannot remember the series of each.
    [Theory]
    [InlineData(1)]
    [InlineData(900)]
    public void A_connection_of_a_known_series_allocates_nothing(int servers)
    {
        _created = Create(new TelemetryOptions(), AccessLogMode.Off);
        Workload[] known = [.. Enumerable.Range(0, servers).Select(Server)];
        var records = new Queue<ConnectionRecord>(
            Enumerable.Range(0, 10_000).Select(index => TestMesh.CartToStock(ConnectionPath.SameNode, destination: known[index % servers])));

        // An identity of its own for each, as every handshake makes one.
        foreach (ConnectionRecord record in records)
        {
            record.SourceIdentity = SpiffeId.Parse(TestMesh.Cart.Identity.ToString());
        }

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int carried = 0; carried < 1_000; carried++)
            {
                Carry(records.Dequeue());
            }
        }));

        void Carry(ConnectionRecord record)
        {
            ConnectionTelemetry loop = Node.ForLoop(0);
            loop.Opened(record);
            loop.PartiesKnown(record);
            record.AddSent(1);
            loop.ReportOpenBytes(0, 100);
            record.TryEnd(CloseReason.Completed);
            loop.Closed(record, nowMs: 0);
        }
    }

    private static Workload Server(int index) => TestMesh.Pod($"server{index}-1", $"server{index}", "shop", "v1");

    private NodeTelemetry Create(TelemetryOptions options, AccessLogMode access = AccessLogMode.Text) =>
        new(options, new LogOptions { Access = access }, loops: 2, Stream.Null, _time);

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

    private async Task<int> OpenedSeries() => (await Lines()).Count(line => line.Name == "istio_tcp_connections_opened_total");

    private void Run(ConnectionRecord record, CloseReason reason, int loop = 0, long sent = 0, long received = 0)
    {
        ConnectionTelemetry telemetry = Node.ForLoop(loop);
        telemetry.Opened(record);
        telemetry.PartiesKnown(record);
        record.AddSent(sent);
        record.AddReceived(received);
        record.TryEnd(reason);
        telemetry.Closed(record, nowMs: 0);
    }
}
