using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Telemetry;
using Mesh.Node.Proxy.Tests.Telemetry.Metrics;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Admin;

public sealed class AdminServerTests
{
    [Theory]
    [InlineData("metrics", "/config_dump")]
    [InlineData("metrics", "/certs")]
    [InlineData("metrics", "/healthz/ready")]
    [InlineData("readiness", "/config_dump")]
    [InlineData("readiness", "/metrics")]
    [InlineData("address", "/metrics")]
    public async Task A_port_answers_its_own_paths_only(string port, string path)
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        Assert.Equal(HttpStatusCode.NotFound, (await node.GetAsync(port, path)).Status);
    }

    [Fact]
    public async Task The_index_and_every_404_list_the_pages()
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        string index = (await node.GetAsync("address", "/")).Text;
        foreach (string page in new[] { "/config_dump", "/clusters", "/certs", "/connections", "/logging" })
        {
            Assert.Contains(page, index, StringComparison.Ordinal);
        }

        Assert.Contains("/config_dump", (await node.GetAsync("address", "/nothing")).Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_method_that_a_page_does_not_take_is_refused()
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        using HttpResponseMessage response = await node.PostAsync("address", "/certs");
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["GET", "HEAD"], response.Content.Headers.Allow);
    }

    [Theory]
    [InlineData("evil.example.org", HttpStatusCode.Forbidden)]
    [InlineData("localhost", HttpStatusCode.OK)]
    [InlineData("127.0.0.1", HttpStatusCode.OK)]
    [InlineData("[::1]", HttpStatusCode.OK)]
    public async Task Admin_pages_answer_to_addresses_and_not_to_names_that_somebody_made_resolve_here(string host, HttpStatusCode status)
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        using HttpRequestMessage request = new(HttpMethod.Get, node.Uri("address", "/"));
        request.Headers.Host = host;
        using HttpResponseMessage response = await node.SendAsync(request);
        Assert.Equal(status, response.StatusCode);
    }

    [Fact]
    public async Task The_log_level_is_shown_and_set_by_POST_only()
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        Assert.Equal((HttpStatusCode.OK, "level: info\n"), await node.GetAsync("address", "/logging"));
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await node.GetAsync("address", "/logging?level=debug")).Status);
        Assert.Equal(LogLevel.Information, node.Telemetry.Log.Level.Level);

        using HttpResponseMessage response = await node.PostAsync("address", "/logging?level=debug");
        Assert.Equal("level: debug\n", await AdminFixture.TextAsync(response));
        Assert.Equal(LogLevel.Debug, node.Telemetry.Log.Level.Level);
    }

    [Theory]
    [InlineData("/logging")]
    [InlineData("/logging?level=")]
    [InlineData("/logging?level=loud")]
    public async Task A_level_that_is_none_is_refused_and_changes_nothing(string path)
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        using HttpResponseMessage response = await node.PostAsync("address", path);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Equal(LogLevel.Information, node.Telemetry.Log.Level.Level);
    }

    [Theory]
    [InlineData("/metrics")]
    [InlineData("/stats/prometheus")]
    public async Task Metrics_include_what_open_connections_have_carried_up_to_the_scrape(string path)
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        await node.Telemetry.Visits!.VisitAsync(
            loop => () =>
            {
                ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
                node.Telemetry.ForLoop(loop.Index).Opened(record);
                node.Telemetry.ForLoop(loop.Index).PartiesKnown(record);
                record.AddSent(21);
                return true;
            },
            TimeSpan.FromSeconds(60));

        (HttpStatusCode status, string text) = await node.GetAsync("metrics", path);
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(42, Exposition.Parse(text).Value("istio_tcp_received_bytes_total"));
    }

    [Fact]
    public async Task A_scrape_is_answered_while_a_loop_stands_still()
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        using ManualResetEventSlim release = new();
        node.Loops.Loops[0].Post(() => release.Wait());
        (HttpStatusCode status, string text) = await node.GetAsync("metrics", "/metrics");
        release.Set();
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.True(Exposition.Parse(text).Value("mesh_loop_turn_seconds", ("loop", "0")) >= 0.5);
    }

    [Theory]
    [InlineData("application/openmetrics-text; version=1.0.0; charset=utf-8, text/plain;q=0.5", "application/openmetrics-text", "# EOF\n")]
    [InlineData("text/plain;version=0.0.4", "text/plain", "")]
    [InlineData("*/*", "text/plain", "")]
    public async Task The_scraper_chooses_the_format(string accept, string type, string end)
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        using HttpRequestMessage request = new(HttpMethod.Get, node.Uri("metrics", "/metrics"));
        request.Headers.TryAddWithoutValidation("Accept", accept);
        using HttpResponseMessage response = await node.SendAsync(request);
        Assert.Equal(type, response.Content.Headers.ContentType!.MediaType);
        string text = await AdminFixture.TextAsync(response);
        Assert.EndsWith(end, text, StringComparison.Ordinal);
        Assert.Equal(end.Length > 0, text.Contains("# EOF", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_scrape_is_compressed_for_those_who_take_it()
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        using HttpRequestMessage request = new(HttpMethod.Get, node.Uri("metrics", "/metrics"));
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip");
        using HttpResponseMessage response = await node.SendAsync(request);
        Assert.Equal(["gzip"], response.Content.Headers.ContentEncoding);
        await using GZipStream plain = new(await AdminFixture.BytesAsync(response), CompressionMode.Decompress);
        using StreamReader reader = new(plain);
        string text = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, Exposition.Parse(text).Value("istio_build"));
    }

    [Fact]
    public async Task A_metric_that_throws_is_a_500_in_the_log_and_not_the_end()
    {
        await using AdminFixture node = new();
        node.Telemetry.Metrics.AddGauge("mesh_broken", "Broken.", () => throw new InvalidOperationException("This gauge is broken."));
        await node.StartAsync();
        Assert.NotEqual(HttpStatusCode.OK, await StatusOrBrokenAsync(node));
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync("readiness", "/healthz/ready")).Status);
        node.Telemetry.Log.Dispose();
        string log = Encoding.UTF8.GetString(node.Log.ToArray());
        Assert.True(log.Contains("This gauge is broken.", StringComparison.Ordinal), log);
    }

    [Theory]
    [InlineData("127.0.0.1:15000", "127.0.0.1", 15_000)]
    [InlineData("[::]:15020", "::", 15_020)]
    [InlineData("0.0.0.0:0", "0.0.0.0", 0)]
    public void Addresses_are_read(string text, string address, int port)
    {
        IPEndPoint endpoint = AdminOptions.Parse("metrics", text)!;
        Assert.Equal(IPAddress.Parse(address), endpoint.Address);
        Assert.Equal(port, endpoint.Port);
    }

    [Theory]
    [InlineData("15000")]
    [InlineData("127.0.0.1")]
    [InlineData("localhost:15000")]
    [InlineData("127.0.0.1:")]
    [InlineData("127.0.0.1:99999")]
    [InlineData("::1:15000")]
    [InlineData("[::1]")]
    [InlineData(":15000")]
    public void A_malformed_address_is_refused_by_the_name_of_its_key(string text)
    {
        FormatException refused = Assert.Throws<FormatException>(() => AdminOptions.Parse("metrics", text));
        Assert.StartsWith($"admin.metrics: '{text}'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_address_turns_a_port_off()
    {
        await using AdminFixture node = new()
        {
            Options = new AdminOptions { Address = "", Metrics = "127.0.0.1:0", Readiness = "" },
        };
        await node.StartAsync();
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync("metrics", "/metrics")).Status);
        Assert.Throws<KeyNotFoundException>(() => node.Uri("address", "/"));
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        await using AdminFixture node = new()
        {
            Options = new AdminOptions { Address = taken.LocalEndpoint.ToString()!, Metrics = "", Readiness = "" },
        };
        IOException refused = await Assert.ThrowsAnyAsync<IOException>(node.StartAsync);
        Assert.Contains(taken.LocalEndpoint.ToString()!, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ports_that_the_process_before_holds_are_taken_once_it_has_released_them()
    {
        // An address of its own: a port that is free for a moment is nobody else's.
        await using AdminFixture before = new()
        {
            Options = new AdminOptions { Address = "127.77.0.2:0", Metrics = "127.77.0.2:0", Readiness = "127.77.0.2:0" },
        };
        await before.StartAsync();
        var same = new AdminOptions
        {
            Address = before.Uri("address", "/").Authority,
            Metrics = before.Uri("metrics", "/").Authority,
            Readiness = before.Uri("readiness", "/").Authority,
        };
        await using AdminFixture refused = new() { Options = same, Holder = new Holder(() => false) };
        await Assert.ThrowsAnyAsync<IOException>(refused.StartAsync);
        Assert.Equal(HttpStatusCode.OK, (await before.GetAsync("readiness", "/healthz/ready")).Status);

        await using AdminFixture next = new()
        {
            Options = same,
#pragma warning disable VSTHRD002 // Who asks for ports waits for them, as the interface says.
            Holder = new Holder(() => before.StopAsync().Wait(TimeSpan.FromSeconds(30)) && AdminFixture.AreFree(same)),
#pragma warning restore VSTHRD002
        };
        next.Parts.Add(new AdminFixture.Part("next", "it is the next"));
        await next.StartAsync();
        Assert.Equal("next: it is the next\n", (await next.GetAsync("readiness", "/healthz/ready")).Text);
        Assert.Equal(HttpStatusCode.OK, (await next.GetAsync("address", "/")).Status);
        Assert.Equal(HttpStatusCode.OK, (await next.GetAsync("metrics", "/metrics")).Status);
    }

    [Fact]
    public async Task A_process_that_is_asked_to_end_is_shown_until_it_has()
    {
        using CancellationTokenSource stop = new();
        await using AdminFixture node = new() { Cancellation = stop.Token };
        await node.StartAsync();
        await stop.CancelAsync();
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync("address", "/connections")).Status);
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync("metrics", "/metrics")).Status);
    }

    private sealed class Holder(Func<bool> release) : IPortHolder
    {
        public bool TryReleasePorts() => release();
    }

    private static async Task<HttpStatusCode> StatusOrBrokenAsync(AdminFixture node)
    {
        try
        {
            return (await node.GetAsync("metrics", "/metrics")).Status;
        }
        catch (HttpRequestException)
        {
            // The answer had begun, so the connection was cut: the scraper sees a failed scrape too.
            return HttpStatusCode.InternalServerError;
        }
    }
}
