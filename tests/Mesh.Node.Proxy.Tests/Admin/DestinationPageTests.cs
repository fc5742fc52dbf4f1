using System.Net;
using System.Text.Json;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Tests.Http.Destinations;
using Mesh.Node.Proxy.Tests.Telemetry.Metrics;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Admin;

public sealed class DestinationPageTests
{
    private static readonly TrafficPolicy s_policy = new()
    {
        Limits = new ConnectionLimits { MaxRequests = 1, MaxRetries = 3 },
        Outliers = new OutlierOptions { Consecutive5xx = 1 },
    };

    [Fact]
    public async Task Clusters_show_circuits_and_ejections_as_text_and_as_json()
    {
        ShopMesh mesh = Busy(out RequestLease lease);
        await using AdminFixture node = new();
        node.Destinations.AddRange(mesh.Registry.Describe(mesh.NowMs + 1_000));
        await node.StartAsync();

        Assert.Equal(
            "destination::shop/stock.shop.svc.cluster.local:80::circuit=open::connections=0/unlimited::connections_overflows=0"
            + "::pending_requests=0/unlimited::pending_requests_overflows=0::requests=1/1::requests_overflows=2"
            + "::retries=0/3::retries_overflows=0\n"
            + "destination::shop/stock.shop.svc.cluster.local:80::endpoint=Kubernetes//Pod/shop/stock-0::outlier=healthy"
            + "::health_flags=healthy::active=1::requests=2::successes=2::success_rate=1\n"
            + "destination::shop/stock.shop.svc.cluster.local:80::endpoint=Kubernetes//Pod/shop/stock-1::outlier=ejected"
            + "::health_flags=/failed_outlier_check::cause=consecutive_5xx::ejected_for_ms=29000"
            + "::active=0::requests=1::successes=0::success_rate=-1\n",
            (await node.GetAsync("address", "/clusters")).Text);

        (HttpStatusCode status, string text) = await node.GetAsync("address", "/clusters?format=json");
        Assert.Equal(HttpStatusCode.OK, status);
        using var json = JsonDocument.Parse(text);
        JsonElement destination = Assert.Single(json.RootElement.GetProperty("destinations").EnumerateArray());
        Assert.Equal(ShopMesh.ServiceKey, destination.GetProperty("service").GetString());
        Assert.False(destination.TryGetProperty("subset", out _));
        JsonElement requests = destination.GetProperty("circuit").GetProperty("requests");
        Assert.Equal((1, 1, 2), (Int(requests, "count"), Int(requests, "max"), Int(requests, "overflows")));
        Assert.True(requests.GetProperty("open").GetBoolean());
        JsonElement connections = destination.GetProperty("circuit").GetProperty("connections");
        Assert.False(connections.GetProperty("open").GetBoolean());
        Assert.False(connections.TryGetProperty("max", out _));
        JsonElement[] endpoints = [.. destination.GetProperty("endpoints").EnumerateArray()];
        Assert.Equal([false, true], endpoints.Select(endpoint => endpoint.GetProperty("ejected").GetBoolean()));
        Assert.Equal(["healthy", "/failed_outlier_check"], endpoints.Select(endpoint => endpoint.GetProperty("healthFlags").GetString()));
        Assert.Equal(1, endpoints[0].GetProperty("successRate").GetDouble());
        Assert.Equal("consecutive_5xx", endpoints[1].GetProperty("cause").GetString());
        Assert.Equal(29_000, Int(endpoints[1], "ejectedForMs"));
        Assert.False(endpoints[1].TryGetProperty("successRate", out _));
        lease.End();
    }

    [Fact]
    public async Task Ejections_and_overflows_are_measured()
    {
        ShopMesh mesh = Busy(out RequestLease lease);
        await using AdminFixture node = new() { Totals = mesh.Registry.Totals };
        node.Destinations.AddRange(mesh.Registry.Describe(mesh.NowMs));
        await node.StartAsync();

        List<Exposition.Line> lines = Exposition.Parse((await node.GetAsync("metrics", "/metrics")).Text);
        Assert.Equal(1, lines.Value("mesh_destinations"));
        Assert.Equal(1, lines.Value("mesh_endpoints_ejected"));
        Assert.Equal(1, lines.Value("mesh_endpoint_ejections_total", ("cause", "consecutive_5xx")));
        Assert.Equal(0, lines.Value("mesh_endpoint_ejections_total", ("cause", "latency")));
        Assert.Equal(0, lines.Value("mesh_endpoint_ejections_overflowed_total"));
        Assert.Equal(1, lines.Value("mesh_circuits_open", ("limit", "requests")));
        Assert.Equal(0, lines.Value("mesh_circuits_open", ("limit", "retries")));
        Assert.Equal(2, lines.Value("mesh_circuit_overflows_total", ("limit", "requests")));
        Assert.Equal(0, lines.Value("mesh_circuit_overflows_total", ("limit", "connections")));
        lease.End();
    }

    [Fact]
    public void A_destination_is_shown_with_its_subset_and_whose_clients_it_is_for()
    {
        var status = new Proxy.Admin.DestinationStatus(
            "shop/stock", 80, "v1", "web", [], [new("uid", 2, 5, 4, 0.8, EjectionCause.SuccessRate, 7)]);

        Assert.Equal(
            [
                "destination::shop/stock:80::subset=v1::client_namespace=web::circuit=closed\n",
                "destination::shop/stock:80::subset=v1::client_namespace=web::endpoint=uid::outlier=ejected"
                + "::health_flags=/failed_outlier_check::cause=success_rate::ejected_for_ms=7"
                + "::active=2::requests=5::successes=4::success_rate=0.8\n",
            ],
            Proxy.Admin.DestinationDump.TextOf([status]));
    }

    /// <summary>
    /// Two endpoints, of which one has answered twice and well and has a request now, and the other is just ejected; two requests were too
    /// many.
    /// </summary>
    private static ShopMesh Busy(out RequestLease lease)
    {
        var mesh = new ShopMesh(endpoints: 2, s_policy);
        for (int i = 0; i < 2; i++)
        {
            mesh.Known(0).Report(AttemptResult.Success, latencyMs: 1, mesh.NowMs);
        }

        mesh.NowMs += 10_000;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        mesh.Known(1).Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
        lease = new RequestLease();
        Assert.True(lease.TryBeginRequest(mesh.Destination, out _));
        lease.BeginAttempt(mesh.Known(0));
        for (int i = 0; i < 2; i++)
        {
            Assert.False(new RequestLease().TryBeginRequest(mesh.Destination, out _));
        }

        return mesh;
    }

    private static int Int(JsonElement element, string name) => element.GetProperty(name).GetInt32();
}
