using System.Net;
using System.Text;
using System.Text.Json;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry.Logging;

public sealed class AccessLogFormatterTests
{
    private const long NoonUnixMs = 1_763_899_200_123;

    [Fact]
    public void A_finished_outbound_connection_has_every_field()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        record.Upstream = IPEndPoint.Parse("10.2.0.7:15008");
        record.HboneAuthority = IPEndPoint.Parse("10.2.0.7:8080");
        Finish(record, CloseReason.Completed);

        Assert.Equal(
            "2025-11-23T12:00:00.123Z info access connection complete"
            + " src.addr=10.1.0.5:40000 src.workload=\"cart-1\" src.namespace=\"shop\""
            + " src.identity=\"spiffe://cluster.local/ns/shop/sa/cart\" src.cluster=\"Kubernetes\""
            + " dst.addr=10.2.0.7:15008 dst.hbone_addr=10.2.0.7:8080 dst.service=\"stock.shop.svc.cluster.local\""
            + " dst.workload=\"stock-1\" dst.namespace=\"shop\" dst.identity=\"spiffe://cluster.local/ns/shop/sa/stock\""
            + " dst.cluster=\"Kubernetes\" direction=outbound path=Outbound id=7 bytes_sent=100 bytes_recv=2000 duration=\"12ms\""
            + " close_reason=Completed\n",
            Text(record));
    }

    [Fact]
    public void The_server_side_says_sent_and_received_from_its_own_view()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.InboundHbone);
        Finish(record, CloseReason.Completed);
        string line = Text(record);
        Assert.Contains(" direction=inbound path=InboundHbone ", line, StringComparison.Ordinal);
        Assert.Contains(" bytes_sent=2000 bytes_recv=100 ", line, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_is_an_error_with_its_reason_and_detail()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.InboundHbone);
        Finish(record, CloseReason.PolicyDenied, "shop/deny-cart rule 1");
        string line = Text(record);
        Assert.StartsWith("2025-11-23T12:00:00.123Z error access connection complete ", line, StringComparison.Ordinal);
        Assert.EndsWith(" close_reason=PolicyDenied error=\"shop/deny-cart rule 1\"\n", line, StringComparison.Ordinal);
    }

    [Fact]
    public void A_connection_that_failed_before_its_parties_were_known_says_only_what_is_known()
    {
        ConnectionRecord record = TestMesh.Accepted(ConnectionPath.InboundPlaintext);
        record.TryEnd(CloseReason.NotReady);
        record.LoggedUnixMs = NoonUnixMs;
        Assert.Equal(
            "2025-11-23T12:00:00.123Z warn access connection failed src.addr=10.1.0.5:40000 dst.addr=10.2.0.7:8080"
            + " direction=inbound path=InboundPlaintext id=0 bytes_sent=0 bytes_recv=0 duration=\"0ms\" close_reason=NotReady"
            + " error=\"NotReady\"\n",
            Text(record));
    }

    [Fact]
    public void A_connection_whose_requests_were_read_is_complete_though_its_parties_are_those_of_each_request()
    {
        ConnectionRecord record = TestMesh.Accepted(ConnectionPath.Outbound);
        record.TryEnd(CloseReason.Completed);
        Assert.Contains(" access connection complete ", Text(record), StringComparison.Ordinal);
    }

    [Fact]
    public void Tunnels_are_quiet_unless_they_fail()
    {
        ConnectionRecord released = TestMesh.Accepted(ConnectionPath.OutboundTunnel);
        released.TryEnd(CloseReason.TunnelReleased);
        Assert.Equal(LogLevel.Debug, AccessLogFormatter.LevelOf(released, AccessEvent.Closed));

        ConnectionRecord failed = TestMesh.Accepted(ConnectionPath.InboundTunnel);
        failed.TryEnd(CloseReason.UnknownAuthority);
        Assert.Equal(LogLevel.Warning, AccessLogFormatter.LevelOf(failed, AccessEvent.Closed));
        Assert.Contains(" tunnel failed ", Text(failed), StringComparison.Ordinal);
    }

    [Fact]
    public void IPv6_addresses_stand_in_brackets_and_host_names_in_quotes()
    {
        ConnectionRecord record = new(
            ConnectionPath.InboundHbone, IPEndPoint.Parse("[fd00::1]:40000"), IPEndPoint.Parse("[fd00::2]:15008"), startedMs: 0)
        {
            HboneAuthority = new DnsEndPoint("stock.shop.svc.cluster.local", 80),
        };
        Finish(record, CloseReason.Completed);
        string line = Text(record);
        Assert.Contains(" src.addr=[fd00::1]:40000 ", line, StringComparison.Ordinal);
        Assert.Contains(" dst.hbone_addr=\"stock.shop.svc.cluster.local:80\" ", line, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("two\nlines level=error")]
    [InlineData("\" close_reason=Completed")]
    [InlineData("back\\slash\ttab\u0000nul\u001b[31m")]
    [InlineData("naïve – 大 \ud83d\ude00")]
    public void No_value_can_start_a_line_or_a_field_of_its_own(string detail)
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        Finish(record, CloseReason.ConnectFailed, detail);

        string text = Text(record);
        Assert.Equal(text.Length - 1, text.IndexOf('\n', StringComparison.Ordinal));
        Assert.DoesNotContain(text, character => char.IsControl(character) && character != '\n');
        string quoted = text[(text.IndexOf(" error=", StringComparison.Ordinal) + " error=".Length)..^1];
        Assert.Equal(detail, JsonSerializer.Deserialize<string>(quoted));

        using JsonDocument json = JsonDocument.Parse(Json(record));
        Assert.Equal(detail, json.RootElement.GetProperty("error").GetString());
    }

    [Fact]
    public void A_value_of_any_length_costs_a_limited_line()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        Finish(record, CloseReason.ConnectFailed, new string('x', 1_000_000));
        Assert.InRange(Text(record).Length, 1_024, 4_096);
    }

    [Fact]
    public void Json_has_the_same_fields_with_types()
    {
        ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
        Finish(record, CloseReason.Completed);
        using JsonDocument json = JsonDocument.Parse(Json(record));
        JsonElement root = json.RootElement;
        Assert.Equal("2025-11-23T12:00:00.123Z", root.GetProperty("time").GetString());
        Assert.Equal("info", root.GetProperty("level").GetString());
        Assert.Equal("access", root.GetProperty("scope").GetString());
        Assert.Equal("connection complete", root.GetProperty("message").GetString());
        Assert.Equal("10.1.0.5:40000", root.GetProperty("src.addr").GetString());
        Assert.Equal("cart-1", root.GetProperty("src.workload").GetString());
        Assert.Equal("outbound", root.GetProperty("direction").GetString());
        Assert.Equal(100, root.GetProperty("bytes_sent").GetInt64());
        Assert.Equal("12ms", root.GetProperty("duration").GetString());
        Assert.Equal("Completed", root.GetProperty("close_reason").GetString());
        Assert.False(root.TryGetProperty("error", out _));
    }

    private static void Finish(ConnectionRecord record, CloseReason reason, string? detail = null)
    {
        record.Id = 7;
        record.ArePartiesKnown = true;
        record.AddSent(100);
        record.AddReceived(2_000);
        record.DurationMs = 12;
        record.LoggedUnixMs = NoonUnixMs;
        record.TryEnd(reason, detail);
    }

    private static string Text(ConnectionRecord record) => Write(record, LogFormat.Text);

    private static string Json(ConnectionRecord record) => Write(record, LogFormat.Json);

    private static string Write(ConnectionRecord record, LogFormat format)
    {
        LogLine line = new();
        AccessLogFormatter.Write(line, format, record, AccessEvent.Closed);
        return Encoding.UTF8.GetString(line.Written);
    }
}
