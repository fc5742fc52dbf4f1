using System.Collections.Immutable;
using System.Net.Sockets;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Destinations;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Destinations;

public sealed class DestinationRegistryTests
{
    private static readonly TrafficPolicy s_one = new() { Limits = new ConnectionLimits { MaxRequests = 1 } };
    private static readonly TrafficPolicy s_two = new() { Limits = new ConnectionLimits { MaxRequests = 2 } };

    [Fact]
    public void A_destination_is_found_again_and_apart_from_others()
    {
        var mesh = new ShopMesh(endpoints: 2);
        mesh.Change(change => change.SetTraffic(
            ShopMesh.TrafficOf(new TrafficPolicy(), new TrafficSubset("v1", "v1-key", new PortPolicies(s_one)))));

        Destination all = mesh.Of("");
        Assert.Same(all, mesh.Of(""));
        Assert.NotSame(all, mesh.Of("v1"));
        Assert.Equal((uint.MaxValue, 1u), (all.Circuit.Max(CircuitLimit.Requests), mesh.Of("v1").Circuit.Max(CircuitLimit.Requests)));
        Assert.Equal(2, mesh.Registry.All.Count());
    }

    [Fact]
    public void Clients_of_a_namespace_with_rules_of_its_own_have_a_destination_of_their_own()
    {
        var mesh = new ShopMesh(endpoints: 1);
        TrafficScope ScopeOf(TrafficPolicy policy) => new(
            ImmutableDictionary<ushort, RouteTable>.Empty, new PortPolicies(policy), ImmutableDictionary<string, TrafficSubset>.Empty);
        mesh.Change(change => change.SetTraffic(new ServiceTraffic(
            ShopMesh.ServiceKey, ScopeOf(s_two), new Dictionary<string, TrafficScope> { ["web"] = ScopeOf(s_one) })));
        Workload web = mesh.Client with { Uid = "web", Namespace = "web" };

        Destination own = mesh.Registry.Of(mesh.Snapshot, ShopMesh.ServiceKey, ShopMesh.Port, "", web, mesh.NowMs);
        Destination common = mesh.Destination;

        Assert.Equal(("web", ""), (own.Key.Scope, common.Key.Scope));
        Assert.Equal((1u, 2u), (own.Circuit.Max(CircuitLimit.Requests), common.Circuit.Max(CircuitLimit.Requests)));

        // A change reaches each by its own scope.
        mesh.Change(change => change.SetTraffic(new ServiceTraffic(
            ShopMesh.ServiceKey, ScopeOf(s_one), new Dictionary<string, TrafficScope> { ["web"] = ScopeOf(s_two) })));
        Assert.Equal((2u, 1u), (own.Circuit.Max(CircuitLimit.Requests), common.Circuit.Max(CircuitLimit.Requests)));
    }

    [Fact]
    public void Ports_a_client_makes_up_are_one_destination()
    {
        var mesh = new ShopMesh(endpoints: 1);
        for (int port = 1; port <= 1_000; port++)
        {
            _ = mesh.Registry.Of(mesh.Snapshot, ShopMesh.ServiceKey, (ushort)port, "", mesh.Client, mesh.NowMs);
        }

        // Port 80 and the rest.
        Assert.Equal(2, mesh.Registry.All.Count());
        var random = new RandomState(1);
        EndpointPick pick = mesh.Registry.Of(mesh.Snapshot, ShopMesh.ServiceKey, 81, "", mesh.Client, mesh.NowMs).Pick(
            new PickRequest
            {
                Snapshot = mesh.Snapshot,
                Source = mesh.Client,
                Family = AddressFamily.InterNetwork,
                NowMs = mesh.NowMs,
            },
            mesh,
            ref random);
        Assert.Equal(EndpointStatus.UnknownPort, pick.Choice.Status);
    }

    [Fact]
    public void What_is_not_used_for_a_while_is_forgotten_unless_something_is_under_way()
    {
        var mesh = new ShopMesh(endpoints: 1);
        Destination used = mesh.Destination;
        Destination busy = mesh.Of("v1");
        var lease = new RequestLease();
        Assert.True(lease.TryBeginRequest(busy, out _));

        mesh.NowMs += (long)DestinationRegistry.UnusedMax.TotalMilliseconds - 1;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Same(used, mesh.Destination);
        mesh.NowMs += (long)DestinationRegistry.UnusedMax.TotalMilliseconds - 1;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Equal([used, busy], mesh.Registry.All.OrderBy(destination => destination.Key.Subset));
        lease.End();
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Equal([used], mesh.Registry.All);
        mesh.NowMs += 2;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Empty(mesh.Registry.All);
    }

    [Fact]
    public void A_sweep_says_when_the_next_is_due()
    {
        var mesh = new ShopMesh(endpoints: 1);
        Assert.Equal(long.MaxValue, mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs));
        _ = mesh.Destination;
        Assert.Equal(mesh.NowMs + 10_000, mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs));
        mesh.Change(change => change.SetTraffic(
            ShopMesh.TrafficOf(new TrafficPolicy { Outliers = new OutlierOptions { Interval = TimeSpan.FromMilliseconds(200) } })));
        Assert.Equal(mesh.NowMs + 200, mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs));
        mesh.NowMs += 200;
        Assert.Equal(mesh.NowMs + 200, mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs));
    }

    [Fact]
    public void Endpoints_a_loop_saw_first_are_forgotten_by_the_next_sweep_when_they_are_gone()
    {
        var mesh = new ShopMesh(endpoints: 2);
        mesh.Pick();
        mesh.Publish(change => change.RemoveWorkload(ShopMesh.Uid(0)));
        mesh.Pick();
        Assert.True(mesh.Destination.NeedsRefresh);

        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.False(mesh.Destination.NeedsRefresh);
        Assert.Equal([ShopMesh.Uid(1)], mesh.Destination.ListEndpoints().Select(endpoint => endpoint.Uid));
    }

    [Fact]
    public void A_destination_is_usable_when_an_endpoint_may_be_sent_requests()
    {
        var mesh = new ShopMesh(endpoints: 1, new TrafficPolicy { Outliers = new OutlierOptions { Consecutive5xx = 1 } });
        var health = new DestinationHealth(mesh.Registry, mesh.Snapshot, mesh.Client, mesh.NowMs);
        var destination = new WeightedDestination(ShopMesh.ServiceKey, ShopMesh.Port, "", 1);

        Assert.True(health.IsUsable(destination));
        Assert.Empty(mesh.Registry.All);
        Assert.False(health.IsUsable(destination with { ServiceKey = "" }));
        Assert.False(health.IsUsable(destination with { ServiceKey = "shop/nobody" }));
        Assert.False(health.IsUsable(destination with { Port = 81 }));
        Assert.False(health.IsUsable(destination with { Subset = "v9" }));

        mesh.Known(0).Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
        Assert.False(health.IsUsable(destination));
    }

    [Fact]
    public void The_share_of_a_destination_whose_endpoints_are_all_ejected_goes_to_the_others()
    {
        var mesh = new ShopMesh(endpoints: 0);
        TrafficPolicy strict = new() { Outliers = new OutlierOptions { Consecutive5xx = 1, MaxEjectionPercent = 100 } };
        mesh.Change(change =>
        {
            change.SetTraffic(ShopMesh.TrafficOf(
                strict,
                new TrafficSubset("v1", "v1-key", new PortPolicies(strict)),
                new TrafficSubset("v2", "v2-key", new PortPolicies(strict))));
            for (int index = 0; index < 4; index++)
            {
                change.SetWorkload(ShopMesh.Endpoint(index) with
                {
                    Services = [new ServiceMembership(ShopMesh.ServiceKey, []) { Subsets = [index < 2 ? "v1-key" : "v2-key"] }],
                });
            }
        });
        var split = new WeightedDestinations(
        [
            new WeightedDestination(ShopMesh.ServiceKey, ShopMesh.Port, "v1", 90),
            new WeightedDestination(ShopMesh.ServiceKey, ShopMesh.Port, "v2", 10),
        ]);
        var random = new RandomState(3);
        Assert.InRange(CountFirst(), 850, 950);

        for (int i = 0; i < 100; i++)
        {
            mesh.Pick(subset: "v1").Endpoint?.Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
        }

        Assert.Equal(0, CountFirst());
        mesh.NowMs += 40_000;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.InRange(CountFirst(), 850, 950);

        int CountFirst()
        {
            int first = 0;
            var health = new DestinationHealth(mesh.Registry, mesh.Snapshot, mesh.Client, mesh.NowMs);
            for (int i = 0; i < 1_000; i++)
            {
                first += split.Pick(in health, ref random) == 0 ? 1 : 0;
            }

            return first;
        }
    }
}
