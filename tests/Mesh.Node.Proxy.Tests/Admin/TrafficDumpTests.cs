using System.Text.Json;
using Mesh.Node.Model;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Admin;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Admin;

public sealed class TrafficDumpTests
{
    private const string Key = "shop/stock.shop.svc.cluster.local";

    [Theory]
    [InlineData(new[] { 90, 10 }, new[] { 9_000, 1_000 })]
    [InlineData(new[] { 1, 1 }, new[] { 5_000, 5_000 })]
    [InlineData(new[] { 1, 1, 1 }, new[] { 3_334, 3_333, 3_333 })]
    [InlineData(new[] { 9_999, 1 }, new[] { 9_999, 1 })]
    [InlineData(new[] { 99_999, 1 }, new[] { 10_000, 0 })]
    [InlineData(new[] { 0, 7 }, new[] { 0, 10_000 })]
    [InlineData(new[] { 0, 0 }, new[] { 0, 0 })]
    [InlineData(new[] { 0 }, new[] { 10_000 })]
    public void Weights_are_shown_out_of_ten_thousand(int[] weights, int[] expected) =>
        Assert.Equal(expected, RouteDump.WeightsOf(To([.. weights.Select((weight, index) => ($"v{index}", (uint)weight))])));

    [Fact]
    public async Task The_configuration_dump_has_routes_with_weights_and_policies()
    {
        var scope = new TrafficScope(
            new Dictionary<ushort, RouteTable>
            {
                [80] = RouteTable.Compile(
                [
                    new Route(
                        "shop/stock canary",
                        [new RouteMatch { Path = PathMatch.Prefix("/api"), Headers = [new HeaderMatch("x-debug", ValueMatch.Exact("1"))] }],
                        new ForwardAction(To([("v1", 90), ("v2", 10)])) { Timeout = TimeSpan.FromMilliseconds(1_500) }),
                    new Route("shop/stock old", [], new RedirectAction { Status = 308, Host = "new.example" }),
                ]),
            },
            new PortPolicies(new TrafficPolicy
            {
                Balancing = new BalancingPolicy(BalancingAlgorithm.RoundRobin),
                Outliers = new OutlierOptions { Consecutive5xx = 3 },
            }),
            new Dictionary<string, TrafficSubset> { ["v1"] = new("v1", "shop/stock/v1", PortPolicies.Default) });
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        builder.SetTraffic(new ServiceTraffic(Key, scope, new Dictionary<string, TrafficScope> { ["web"] = TrafficScope.Default }));
        await using AdminFixture node = new() { Current = builder.Build() };
        await node.StartAsync();
        (_, string text) = await node.GetAsync("address", "/config_dump");
        using var json = JsonDocument.Parse(text);

        JsonElement traffic = Assert.Single(json.RootElement.GetProperty("traffic").EnumerateArray());
        Assert.Equal(Key, traffic.GetProperty("service").GetString());
        Assert.Equal(["*", "web"], traffic.GetProperty("scopes").EnumerateArray().Select(item => item.GetProperty("clientNamespace").GetString()));
        JsonElement everyone = traffic.GetProperty("scopes")[0];
        JsonElement canary = everyone.GetProperty("ports").GetProperty("80")[0];
        Assert.Equal("shop/stock canary", canary.GetProperty("name").GetString());
        Assert.Equal(
            ["path prefix /api", "with x-debug exact 1"], canary.GetProperty("matches")[0].EnumerateArray().Select(item => item.GetString()));
        Assert.Equal([9_000, 1_000], canary.GetProperty("destinations").EnumerateArray().Select(item => item.GetProperty("weight").GetInt32()));
        Assert.Equal(10_000, canary.GetProperty("totalWeight").GetInt32());
        Assert.Equal("1.5s", canary.GetProperty("timeout").GetString());
        Assert.Equal(2, canary.GetProperty("retries").GetProperty("retries").GetInt32());
        JsonElement old = everyone.GetProperty("ports").GetProperty("80")[1].GetProperty("redirect");
        Assert.Equal((308, "new.example"), (old.GetProperty("status").GetInt32(), old.GetProperty("host").GetString()));
        JsonElement policy = everyone.GetProperty("trafficPolicy");
        Assert.Equal("RoundRobin", policy.GetProperty("loadBalancer").GetProperty("algorithm").GetString());
        Assert.Equal(3, policy.GetProperty("outlierDetection").GetProperty("consecutive5xx").GetInt32());
        Assert.Equal(uint.MaxValue, policy.GetProperty("connectionPool").GetProperty("maxConnections").GetUInt32());
        Assert.Equal("shop/stock/v1", everyone.GetProperty("subsets")[0].GetProperty("key").GetString());
    }

    private static WeightedDestinations To((string Subset, uint Weight)[] destinations) =>
        new([.. destinations.Select(to => new WeightedDestination(Key, 80, to.Subset, to.Weight))]);
}
