using System.Text;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Xunit;

namespace Mesh.Node.Model.Tests.Traffic;

public sealed class ServiceTrafficTests
{
    private static readonly Service s_service = Some.Service(
        "shop", "10.1.0.1", ports: [new ServicePort(80, 8080, PortProtocol.Http), new ServicePort(3306, 3306, PortProtocol.Tcp)]);

    private static readonly TrafficPolicy s_patient = new() { Limits = new ConnectionLimits { ConnectTimeout = TimeSpan.FromSeconds(1) } };
    private static readonly TrafficPolicy s_random = new() { Balancing = new BalancingPolicy(BalancingAlgorithm.Random) };
    private static readonly TrafficPolicy s_strict = new() { Outliers = new OutlierOptions { Consecutive5xx = 1 } };

    [Fact]
    public void Where_nothing_was_said_the_defaults_are_Istios()
    {
        TrafficPolicy policy = Some.Snapshot(services: [s_service]).PolicyOf(s_service.Key, 80, "", "default");

        Assert.Same(TrafficPolicy.Default, policy);
        Assert.Equal(BalancingAlgorithm.LeastRequest, policy.Balancing.Algorithm);
        Assert.Null(policy.Outliers);
        Assert.Equal(0, policy.PanicPercent);
        ConnectionLimits limits = policy.Limits;
        Assert.Equal(
            (uint.MaxValue, uint.MaxValue, uint.MaxValue, uint.MaxValue, 0u, (uint)int.MaxValue),
            (limits.MaxConnections, limits.MaxPendingRequests, limits.MaxRequests, limits.MaxRetries, limits.MaxRequestsPerConnection,
                limits.MaxConcurrentStreams));
        Assert.Equal(TimeSpan.FromSeconds(10), limits.ConnectTimeout);
        Assert.Equal((TimeSpan.FromHours(1), TimeSpan.FromHours(1)), (limits.TcpIdleTimeout, limits.HttpIdleTimeout));
        Assert.Equal(Http2Upgrade.ByPort, limits.Http2Upgrade);
        Assert.Equal(2, new ForwardAction(To("v1")).Retries.Retries);
        Assert.Null(new ForwardAction(To("v1")).Timeout);
    }

    [Fact]
    public void The_protocol_of_a_port_is_found_by_service_and_port()
    {
        MeshSnapshot snapshot = Some.Snapshot(services: [s_service]);

        Assert.Equal(PortProtocol.Http, snapshot.ProtocolOf(s_service.Key, 80));
        Assert.Equal(PortProtocol.Tcp, snapshot.ProtocolOf(s_service.Key, 3306));
        Assert.Equal(PortProtocol.Detect, snapshot.ProtocolOf(s_service.Key, 81));
        Assert.Equal(PortProtocol.Detect, snapshot.ProtocolOf("default/nobody", 80));
    }

    [Theory]
    [InlineData(80, "", nameof(s_patient))]
    [InlineData(81, "", nameof(s_random))]
    [InlineData(80, "v1", nameof(s_strict))]
    [InlineData(81, "v1", nameof(s_patient))]
    [InlineData(81, "v9", nameof(s_random))]
    public void A_policy_is_that_of_the_port_within_that_of_the_subset(int port, string subset, string expected)
    {
        var traffic = new ServiceTraffic(s_service.Key, new TrafficScope(
            Tables(),
            new PortPolicies(s_random, new Dictionary<ushort, TrafficPolicy> { [80] = s_patient }),
            Subsets(new TrafficSubset(
                "v1", "default/shop/v1", new PortPolicies(s_patient, new Dictionary<ushort, TrafficPolicy> { [80] = s_strict })))));

        TrafficPolicy policy = traffic.PolicyOf((ushort)port, subset, "default");

        TrafficPolicy named = expected switch { nameof(s_patient) => s_patient, nameof(s_random) => s_random, _ => s_strict };
        Assert.Same(named, policy);
    }

    [Fact]
    public void A_namespace_with_a_scope_of_its_own_has_nothing_of_what_holds_for_everyone()
    {
        RouteTable table = Table("v1");
        var traffic = new ServiceTraffic(
            s_service.Key,
            new TrafficScope(Tables((80, table)), new PortPolicies(s_random), Subsets()),
            new Dictionary<string, TrafficScope> { ["ours"] = TrafficScope.Default });

        Assert.Same(table, traffic.RoutesOf(80, "theirs"));
        Assert.Null(traffic.RoutesOf(81, "theirs"));
        Assert.Null(traffic.RoutesOf(80, "ours"));
        Assert.Same(s_random, traffic.PolicyOf(80, "", "theirs"));
        Assert.Same(TrafficPolicy.Default, traffic.PolicyOf(80, "", "ours"));
    }

    [Fact]
    public void A_snapshot_changes_one_services_traffic_and_shares_the_rest()
    {
        var other = new ServiceTraffic("default/other", TrafficScope.Default);
        MeshSnapshot.Builder builder = Some.Snapshot(services: [s_service]).ToBuilder();
        builder.SetTraffic(new ServiceTraffic(s_service.Key, new TrafficScope(Tables((80, Table("v1"))), PortPolicies.Default, Subsets())));
        builder.SetTraffic(other);
        MeshSnapshot first = builder.Build();

        builder.SetTraffic(new ServiceTraffic(s_service.Key, new TrafficScope(Tables((80, Table("v2"))), PortPolicies.Default, Subsets())));
        MeshSnapshot second = builder.Build();
        Assert.True(builder.RemoveTraffic(s_service.Key));
        Assert.False(builder.RemoveTraffic(s_service.Key));
        MeshSnapshot third = builder.Build();

        Assert.Equal("v1", FirstSubset(first));
        Assert.Equal("v2", FirstSubset(second));
        Assert.Null(third.FindTraffic(s_service.Key));
        Assert.Same(other, third.FindTraffic("default/other"));
        Assert.Same(first.FindEndpoints(s_service.Key), third.FindEndpoints(s_service.Key));
        Assert.Equal(2, first.Traffic.Count());
    }

    [Fact]
    public void Header_texts_are_ready_to_be_written()
    {
        var field = new HeaderField("X-Colour", "grün");

        Assert.Equal("x-colour"u8, field.Name.Bytes);
        Assert.Equal(Encoding.UTF8.GetBytes("grün"), field.ValueBytes);
        Assert.True(HeaderOperations.None.IsEmpty);
        Assert.False((HeaderOperations.None with { Add = [field] }).IsEmpty);
    }

    [Fact]
    public void A_share_is_drawn_as_often_as_it_says()
    {
        var random = new RandomState(7);
        int drawn = 0;
        for (int i = 0; i < 100_000; i++)
        {
            drawn += new Share(250_000).Draw(ref random) ? 1 : 0;
            Assert.False(new Share(0).Draw(ref random));
            Assert.True(Share.All.Draw(ref random));
        }

        Assert.InRange(drawn, 24_500, 25_500);
        Assert.Equal("25 %", new Share(250_000).ToString());
    }

    [Fact]
    public void A_cors_policy_allows_origins_by_any_of_its_matches_and_has_its_values_joined()
    {
        var cors = new CorsPolicy(
            [ValueMatch.Exact("https://a.example"), ValueMatch.Prefix("https://b.")], ["GET", "PUT"], [], ["x-one", "x-two"]);

        Assert.True(cors.AllowsOrigin("https://a.example"u8));
        Assert.True(cors.AllowsOrigin("https://b.example"u8));
        Assert.False(cors.AllowsOrigin("https://a.example.evil"u8));
        Assert.Equal("GET,PUT"u8, cors.AllowMethodsValue);
        Assert.True(cors.AllowHeadersValue.IsEmpty);
        Assert.Equal("x-one,x-two"u8, cors.ExposeHeadersValue);
        Assert.True(cors.ForwardsUnmatchedPreflights);
    }

    private static string FirstSubset(MeshSnapshot snapshot)
    {
        Route route = Assert.Single(snapshot.FindTraffic(s_service.Key)!.RoutesOf(80, "default")!.Routes);
        return Assert.Single(Assert.IsType<ForwardAction>(route.Action).Destinations.Destinations).Subset;
    }

    private static WeightedDestinations To(string subset) => new([new WeightedDestination(s_service.Key, 80, subset, 1)]);

    private static RouteTable Table(string subset) => RouteTable.Compile([new Route("r", [], new ForwardAction(To(subset)))]);

    private static Dictionary<ushort, RouteTable> Tables(params (ushort Port, RouteTable Table)[] tables) =>
        tables.ToDictionary(entry => entry.Port, entry => entry.Table);

    private static Dictionary<string, TrafficSubset> Subsets(params TrafficSubset[] subsets) =>
        subsets.ToDictionary(subset => subset.Name, StringComparer.Ordinal);
}
