using System.Net;
using System.Net.Sockets;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Model.Tests.Balancing;

public sealed class EndpointPickerTests
{
    private static readonly Workload s_client = Some.Workload("client", "10.0.9.9") with
    {
        Node = "node-1",
        Locality = new Locality("r1", "z1", "s1"),
    };

    private static readonly Service s_service = Some.Service("shop", "10.1.0.1");

    [Fact]
    public void The_target_port_is_the_services_unless_the_endpoint_has_its_own()
    {
        Assert.Equal(8080, Pick(s_service, Some.Workload("a", "10.0.0.1").EndpointOf(s_service)).TargetPort);
        Assert.Equal(9999, Pick(s_service, Some.Workload("a", "10.0.0.1").EndpointOf(s_service, new ServicePort(80, 9999, PortProtocol.Detect))).TargetPort);
    }

    [Fact]
    public void A_named_port_is_served_only_by_endpoints_that_resolve_it()
    {
        Service service = Some.Service("shop", ports: new ServicePort(80, 0, PortProtocol.Detect));
        Workload mute = Some.Workload("mute", "10.0.0.1").EndpointOf(service);
        Workload named = Some.Workload("named", "10.0.0.2").EndpointOf(service, new ServicePort(80, 7777, PortProtocol.Detect));

        Assert.Equal(EndpointStatus.NoEndpoint, Pick(service, mute).Status);
        Assert.Equal(["named"], PickedNames(service, [mute, named]));
        Assert.Equal(7777, Pick(service, mute, named).TargetPort);
    }

    [Fact]
    public void Each_reason_to_pick_nothing_has_its_name()
    {
        Workload endpoint = Some.Workload("a", "10.0.0.1").EndpointOf(s_service);
        Service strict = s_service with { LoadBalancing = new LoadBalancing([RoutingScope.Node], LoadBalancingMode.Strict, false) };

        Assert.Equal(EndpointStatus.UnknownService, PickFrom(Some.Snapshot(), s_service).Status);
        Assert.Equal(EndpointStatus.UnknownPort, PickFrom(Some.Snapshot(services: [s_service]), s_service, port: 81).Status);
        Assert.Equal(EndpointStatus.NoEndpoint, Pick(s_service).Status);
        Assert.Equal(EndpointStatus.NoHealthyEndpoint, Pick(s_service, endpoint with { IsHealthy = false }).Status);
        Assert.Equal(EndpointStatus.NoHealthyEndpoint, Pick(s_service, endpoint with { Capacity = 0 }).Status);
        Assert.Equal(EndpointStatus.NoEndpointInScope, Pick(strict, endpoint with { Node = "node-2" }).Status);
        Assert.Equal(EndpointStatus.UnreachableNetwork, Pick(s_service, endpoint with { Network = "far" }).Status);
        Assert.Equal(EndpointStatus.NoEndpoint, Pick(s_service with { IpFamilies = IpFamilies.IPv6Only }, endpoint).Status);
    }

    [Fact]
    public void A_service_whose_workloads_came_first_is_unknown_until_it_comes() =>
        Assert.Equal(
            EndpointStatus.UnknownService,
            PickFrom(Some.Snapshot(workloads: [Some.Workload("a", "10.0.0.1").EndpointOf(s_service)]), s_service).Status);

    [Fact]
    public void Passthrough_makes_no_choice()
    {
        Service service = s_service with { LoadBalancing = new LoadBalancing([], LoadBalancingMode.Passthrough, true) };

        Assert.Equal(EndpointStatus.Passthrough, Pick(service, Some.Workload("a", "10.0.0.1").EndpointOf(service)).Status);
    }

    [Fact]
    public void Unhealthy_endpoints_take_part_only_where_the_service_allows_it()
    {
        Workload sick = Some.Workload("sick", "10.0.0.1").EndpointOf(s_service) with { IsHealthy = false };
        Workload well = Some.Workload("well", "10.0.0.2").EndpointOf(s_service);

        Assert.Equal(["well"], PickedNames(s_service, [sick, well]));
        Assert.Equal(["sick", "well"], PickedNames(s_service with { LoadBalancing = LoadBalancing.Default with { AllowsUnhealthy = true } }, [sick, well]));
    }

    [Fact]
    public void Other_networks_are_used_only_when_ours_has_nothing_and_only_by_name()
    {
        var gateway = GatewayAddress.ByService("istio-system/gateway", 15008);
        Workload far = Some.Workload("far", "10.0.0.1", network: "far").EndpointOf(s_service) with { NetworkGateway = gateway };
        Workload near = Some.Workload("near", "10.0.0.2").EndpointOf(s_service);

        Assert.Equal(["near"], PickedNames(s_service, [far, near]));
        EndpointChoice choice = Pick(s_service, far);
        Assert.Equal((EndpointStatus.BehindNetworkGateway, "far"), (choice.Status, choice.Workload!.Name));
        Assert.Null(choice.Address);
    }

    [Fact]
    public void An_endpoint_with_only_a_hostname_is_to_be_resolved_when_nothing_has_an_address()
    {
        Workload named = Some.Workload("named").EndpointOf(s_service) with { Hostname = "db.example.com" };

        Assert.Equal(EndpointStatus.NeedsResolution, Pick(s_service, named).Status);
        Assert.Equal(["a"], PickedNames(s_service, [named, Some.Workload("a", "10.0.0.1").EndpointOf(s_service)]));
    }

    [Theory]
    [InlineData(IpFamilies.Automatic, AddressFamily.InterNetwork, "10.0.0.1")]
    [InlineData(IpFamilies.Automatic, AddressFamily.InterNetworkV6, "fd00::1")]
    [InlineData(IpFamilies.Dual, AddressFamily.InterNetworkV6, "fd00::1")]
    [InlineData(IpFamilies.IPv4Only, AddressFamily.InterNetworkV6, "10.0.0.1")]
    [InlineData(IpFamilies.IPv6Only, AddressFamily.InterNetwork, "fd00::1")]
    public void The_service_decides_the_family_and_then_the_client(IpFamilies families, AddressFamily dialled, string expected)
    {
        Workload dual = Some.Workload("a").EndpointOf(s_service) with { Addresses = [IPAddress.Parse("fd00::1"), IPAddress.Parse("10.0.0.1")] };
        Service service = s_service with { IpFamilies = families };

        Assert.Equal(IPAddress.Parse(expected), PickFrom(Some.Snapshot(workloads: [dual], services: [service]), service, family: dialled).Address);
    }

    [Fact]
    public void An_endpoint_of_the_other_family_alone_is_still_used() =>
        Assert.Equal(
            IPAddress.Parse("10.0.0.1"),
            PickFrom(
                Some.Snapshot(workloads: [Some.Workload("a", "10.0.0.1").EndpointOf(s_service)], services: [s_service]),
                s_service,
                family: AddressFamily.InterNetworkV6).Address);

    [Theory]
    [InlineData(LoadBalancingMode.Any, "here,zone,region,elsewhere")]
    [InlineData(LoadBalancingMode.Failover, "here")]
    [InlineData(LoadBalancingMode.Strict, "here")]
    public void Preference_means_what_the_mode_says(LoadBalancingMode mode, string expected) =>
        Assert.Equal(expected.Split(',').Order(), PickedNames(Preferring(mode, RoutingScope.Region, RoutingScope.Zone, RoutingScope.Node), Spread()));

    [Theory]
    [InlineData("here", "zone")]
    [InlineData("here,zone", "region")]
    [InlineData("here,zone,region", "elsewhere")]
    public void Failover_falls_back_one_scope_at_a_time(string gone, string expected)
    {
        Workload[] left = [.. Spread().Where(workload => !gone.Split(',').Contains(workload.Name))];

        Assert.Equal([expected], PickedNames(Preferring(LoadBalancingMode.Failover, RoutingScope.Region, RoutingScope.Zone, RoutingScope.Node), left));
        Assert.Equal(
            EndpointStatus.NoEndpointInScope,
            Pick(Preferring(LoadBalancingMode.Strict, RoutingScope.Region, RoutingScope.Zone, RoutingScope.Node), left).Status);
    }

    [Fact]
    public void A_later_scope_does_not_make_up_for_an_earlier_one()
    {
        Workload sameNodeOtherRegion = Some.Workload("odd", "10.0.0.1").EndpointOf(s_service) with { Node = "node-1", Locality = new Locality("r2", "z1", "") };
        Workload sameRegion = Some.Workload("region", "10.0.0.2").EndpointOf(s_service) with { Node = "node-2", Locality = new Locality("r1", "z2", "") };

        Assert.Equal(["region"], PickedNames(Preferring(LoadBalancingMode.Failover, RoutingScope.Region, RoutingScope.Node), [sameNodeOtherRegion, sameRegion]));
    }

    [Fact]
    public void A_preference_for_the_same_node_works_where_nothing_has_a_region()
    {
        Workload client = s_client with { Locality = Locality.Unknown };
        Workload here = Some.Workload("here", "10.0.0.1").EndpointOf(s_service) with { Node = "node-1" };
        Workload there = Some.Workload("there", "10.0.0.2").EndpointOf(s_service) with { Node = "node-2" };
        Service service = Preferring(
            LoadBalancingMode.Failover, RoutingScope.Network, RoutingScope.Region, RoutingScope.Zone, RoutingScope.Subzone, RoutingScope.Node);

        Assert.Equal(["here"], PickedNames(service, [here, there], client));
    }

    [Fact]
    public void Two_unknown_nodes_are_not_one() =>
        Assert.Equal(
            EndpointStatus.NoEndpointInScope,
            PickFrom(
                Some.Snapshot(workloads: [Some.Workload("vm", "10.0.0.1").EndpointOf(s_service)], services: [Preferring(LoadBalancingMode.Strict, RoutingScope.Node)]),
                s_service,
                client: s_client with { Node = "" }).Status);

    [Fact]
    public void Clients_in_different_places_are_told_apart_on_one_snapshot()
    {
        Service service = Preferring(LoadBalancingMode.Failover, RoutingScope.Node);
        Workload[] endpoints = [.. Enumerable.Range(0, 20).Select(node => Some.Workload($"e{node}", $"10.0.0.{node}").EndpointOf(service) with { Node = $"n{node}" })];
        MeshSnapshot snapshot = Some.Snapshot(workloads: endpoints, services: [service]);

        for (int round = 0; round < 3; round++)
        {
            for (int node = 0; node < 20; node++)
            {
                Assert.Equal($"e{node}", PickFrom(snapshot, service, client: s_client with { Node = $"n{node}" }).Workload!.Name);
            }
        }
    }

    [Fact]
    public void Idle_endpoints_are_picked_by_weight()
    {
        // With equal loads per weight the heavier of two drawn wins, so shares lie beyond the plain proportion.
        Workload[] endpoints = [.. Enumerable.Range(1, 4).Select(weight => Some.Workload($"w{weight}", $"10.0.0.{weight}").EndpointOf(s_service) with { Capacity = (uint)weight })];
        Dictionary<string, int> picks = Picks(s_service, endpoints, new Counts(), 20_000);

        Assert.True(picks["w4"] > picks["w3"] && picks["w3"] > picks["w2"], string.Join(", ", picks));
    }

    [Fact]
    public void Streams_settle_in_proportion_to_weight()
    {
        Workload[] endpoints = [.. Enumerable.Range(1, 4).Select(weight => Some.Workload($"w{weight}", $"10.0.0.{weight}").EndpointOf(s_service) with { Capacity = (uint)weight })];
        var counts = new Counts { KeepsOpen = true };
        Dictionary<string, int> picks = Picks(s_service, endpoints, counts, 10_000);

        for (int weight = 1; weight <= 4; weight++)
        {
            Assert.InRange(picks[$"w{weight}"], (weight * 1_000) - 100, (weight * 1_000) + 100);
        }
    }

    [Fact]
    public void Equal_endpoints_are_drawn_evenly_and_the_busier_of_two_never()
    {
        Workload[] endpoints = [.. Enumerable.Range(0, 5).Select(index => Some.Workload($"w{index}", $"10.0.0.{index}").EndpointOf(s_service))];
        Dictionary<string, int> even = Picks(s_service, endpoints, new Counts(), 50_000);
        Assert.All(even.Values, count => Assert.InRange(count, 9_500, 10_500));

        var counts = new Counts();
        counts.Open["w0"] = 1;
        Assert.False(Picks(s_service, endpoints, counts, 10_000).ContainsKey("w0"));
    }

    [Fact]
    public void A_pick_allocates_nothing_once_the_candidates_are_known()
    {
        Workload[] endpoints = [.. Enumerable.Range(0, 100).Select(index => Some.Workload($"w{index}", $"10.0.0.{index}").EndpointOf(s_service) with { Capacity = (uint)(1 + (index % 3)) })];
        MeshSnapshot snapshot = Some.Snapshot(workloads: endpoints, services: [s_service]);
        var counts = new Counts();
        var random = new RandomState(1);

        Assert.Equal(0, SteadyState.AllocatedBytes(() => PickMany(snapshot, counts, ref random, 1_000)));
    }

    private static void PickMany(MeshSnapshot snapshot, Counts counts, ref RandomState random, int picks)
    {
        for (int pick = 0; pick < picks; pick++)
        {
            _ = EndpointPicker.Pick(snapshot, s_service, 80, s_client, AddressFamily.InterNetwork, counts, ref random);
        }
    }

    private static Service Preferring(LoadBalancingMode mode, params RoutingScope[] scopes) =>
        s_service with { LoadBalancing = new LoadBalancing([.. scopes], mode, AllowsUnhealthy: false) };

    private static Workload[] Spread() =>
    [
        Some.Workload("here", "10.0.0.1").EndpointOf(s_service) with { Node = "node-1", Locality = new Locality("r1", "z1", "s1") },
        Some.Workload("zone", "10.0.0.2").EndpointOf(s_service) with { Node = "node-2", Locality = new Locality("r1", "z1", "s2") },
        Some.Workload("region", "10.0.0.3").EndpointOf(s_service) with { Node = "node-3", Locality = new Locality("r1", "z2", "s1") },
        Some.Workload("elsewhere", "10.0.0.4").EndpointOf(s_service) with { Node = "node-4", Locality = new Locality("r2", "z1", "s1") },
    ];

    private static EndpointChoice Pick(Service service, params Workload[] endpoints) =>
        PickFrom(Some.Snapshot(workloads: endpoints, services: [service]), service);

    private static EndpointChoice PickFrom(
        MeshSnapshot snapshot, Service service, ushort port = 80, AddressFamily family = AddressFamily.InterNetwork, Workload? client = null)
    {
        var random = new RandomState(1);
        return EndpointPicker.Pick(snapshot, service, port, client ?? s_client, family, new Counts(), ref random);
    }

    private static IEnumerable<string> PickedNames(Service service, Workload[] endpoints, Workload? client = null) =>
        Picks(service, endpoints, new Counts(), 200, client).Keys.Order();

    private static Dictionary<string, int> Picks(Service service, Workload[] endpoints, Counts counts, int picks, Workload? client = null)
    {
        MeshSnapshot snapshot = Some.Snapshot(workloads: endpoints, services: [service]);
        var random = new RandomState(42);
        var picked = new Dictionary<string, int>();
        for (int pick = 0; pick < picks; pick++)
        {
            EndpointChoice choice = EndpointPicker.Pick(snapshot, service, 80, client ?? s_client, AddressFamily.InterNetwork, counts, ref random);
            Assert.Equal(EndpointStatus.Picked, choice.Status);
            string name = choice.Workload!.Name;
            picked[name] = picked.GetValueOrDefault(name) + 1;
            if (counts.KeepsOpen)
            {
                counts.Open[name] = counts.Open.GetValueOrDefault(name) + 1;
            }
        }

        return picked;
    }

    private sealed class Counts : IOpenStreamCounts
    {
        public Dictionary<string, int> Open { get; } = [];

        public bool KeepsOpen { get; init; }

        public int OpenStreams(Workload workload) => Open.GetValueOrDefault(workload.Name);
    }
}
