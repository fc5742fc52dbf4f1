using System.Collections.Immutable;
using Mesh.Api.Identity;
using Mesh.Api.Traits;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Traffic;
using Mesh.Control.Serving.Xds;
using Xunit;
using Wire = Mesh.Api.Traffic;

namespace Mesh.Control.Tests.Serving;

/// <summary>Traffic of the model on the wire.</summary>
public sealed class TrafficPublisherTests
{
    private static readonly ServiceKey s_stock = new("shop", "stock.shop.svc");
    private readonly ResourceStore _store = new(TimeProvider.System);
    private readonly ModelPublisher _publisher;

    public TrafficPublisherTests() => _publisher = new ModelPublisher(_store, "cluster-1", TrustDomain.Parse("td.example"));

    [Fact]
    public void Routes_and_policies_are_where_a_proxy_looks_for_them()
    {
        Publish(new ServiceTraffic(s_stock,
        [
            new TrafficScope
            {
                ClientNamespace = "web",
                Ports =
                [
                    new PortRoutes(80,
                    [
                        new Route(
                            "shop/stock[0]",
                            [
                                new RouteMatch
                                {
                                    Path = new PathCondition(PathConditionKind.Segments, "/a"),
                                    Headers = [new HeaderCondition("x", TextCondition.Present, IsInverted: true)],
                                    Source = new SourceCondition(null, ["uid"]),
                                },
                            ],
                            new ForwardAction([new RouteDestination(s_stock, 80, "v1", 9), new RouteDestination(null, 0, "", 1)])
                            {
                                KeepsUnusable = true,
                                Timeout = TimeSpan.FromSeconds(2),
                                Fault = new FaultPolicy(new FaultDelay(TimeSpan.FromSeconds(1), 500_000), new FaultAbort(null, 14, 7)),
                            }),
                    ]),
                ],
                Policies = new PortPolicies(
                    new TrafficPolicy
                    {
                        Balancing = new BalancingPolicy(BalancingAlgorithm.Random),
                        Limits = new ConnectionLimits { MaxConnections = 0 },
                        Outliers = new OutlierPolicy { Consecutive5xx = 0 },
                    },
                    [new PortPolicy(81, TrafficPolicy.Default)]),
                Subsets = [new TrafficSubset("v1", "shop/rule/v1", PortPolicies.Default)],
            },
        ]));

        ServedResource resource = Assert.Single(_store.Find(TypeUrls.Traffic)!.Resources.Values);
        Assert.Equal("shop/stock.shop.svc", resource.Name);
        Wire.ServiceTraffic wire = resource.Message.Resource_.Unpack<Wire.ServiceTraffic>();
        Wire.TrafficScope scope = Assert.Single(wire.Scopes);
        Wire.Route route = Assert.Single(scope.Ports[0].Routes);
        Assert.Equal(("shop", "stock.shop.svc", "web", 80u), (wire.Namespace, wire.Hostname, scope.ClientNamespace, scope.Ports[0].Port));
        Assert.Equal("/a", route.Matches[0].Path.Segments);
        Assert.True(route.Matches[0].Headers[0].Inverted && route.Matches[0].Headers[0].Value.Present);
        Assert.Equal(["uid"], route.Matches[0].Source.Workloads.Uids);
        Assert.Equal([("shop/stock.shop.svc", 80u, 9u), ("", 0u, 1u)], route.Forward.Destinations.Select(to => (to.Service, to.Port, to.Weight)));
        Assert.True(route.Forward.KeepsUnusable);
        Assert.Equal((2L, 2u), (route.Forward.Timeout.Seconds, route.Forward.Retries.Retries));
        Assert.Equal((500_000u, 14u, 7u), (route.Forward.Fault.Delay.PartsPerMillion, route.Forward.Fault.Abort.Grpc, route.Forward.Fault.Abort.PartsPerMillion));
        Assert.Equal(Wire.Balancing.Types.Algorithm.Random, scope.Policies.Others.Balancing.Algorithm);
        Assert.True(scope.Policies.Others.Limits is { HasMaxConnections: true, MaxConnections: 0, HasMaxRequests: false });
        Assert.True(scope.Policies.Others.Outliers is { HasConsecutive5Xx: true, Consecutive5Xx: 0 });
        Assert.Equal(81u, scope.Policies.ByPort[0].Port);
        Assert.Equal(("v1", "shop/rule/v1"), (scope.Subsets[0].Name, scope.Subsets[0].Key));
    }

    [Fact]
    public void Only_what_changed_is_new_to_a_stream()
    {
        var stock = new ServiceTraffic(s_stock, [new TrafficScope { ClientNamespace = "" }]);
        var cart = new ServiceTraffic(new ServiceKey("shop", "cart"), [new TrafficScope { ClientNamespace = "" }]);
        Publish(stock, cart);
        Publish(stock, cart with { Scopes = [new TrafficScope { ClientNamespace = "web" }] });

        TypeSnapshot snapshot = _store.Find(TypeUrls.Traffic)!;
        Assert.Equal("shop/cart", Assert.Single(snapshot.Changed).Name);
        Publish(stock);
        Assert.Equal(["shop/cart"], _store.Find(TypeUrls.Traffic)!.Removed);
    }

    [Fact]
    public void A_mesh_without_traffic_says_so_for_proxies_wait_for_it()
    {
        Publish();

        Assert.Empty(_store.Find(TypeUrls.Traffic)!.Resources);
    }

    [Fact]
    public void A_workload_names_its_subsets_in_an_extension()
    {
        var workload = new Workload
        {
            Uid = "u",
            Name = "n",
            Namespace = "shop",
            Addresses = [],
            ServiceAccount = "default",
            CanonicalName = "n",
            CanonicalRevision = "v1",
            ControllerName = "n",
            Services = [new WorkloadService(s_stock, []) { Subsets = ["shop/rule/v1"] }, new WorkloadService(new ServiceKey("shop", "z"), [])],
        };
        _publisher.Publish(new MeshModel(ImmutableSortedDictionary<string, NamespaceModel>.Empty.Add(
            "shop", new NamespaceModel { Name = "shop", Workloads = [workload] })));

        ServedResource resource = Assert.Single(_store.Find(TypeUrls.Address)!.Resources.Values);
        Mesh.Api.Workload.Workload wire = resource.Message.Resource_.Unpack<Mesh.Api.Workload.Address>().Workload;
        ServiceSubsets subsets = Assert.Single(
            wire.Extensions.Single(extension => extension.Name == WorkloadExtensions.Subsets).Config.Unpack<WorkloadSubsets>().Services);
        Assert.Equal(("shop/stock.shop.svc", "shop/rule/v1"), (subsets.Service, Assert.Single(subsets.Keys)));
    }

    private void Publish(params ServiceTraffic[] traffic) =>
        _publisher.Publish(MeshModel.Empty with { Traffic = [.. traffic] });
}
