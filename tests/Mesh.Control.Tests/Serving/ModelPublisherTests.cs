using System.Collections.Immutable;
using System.Net;
using Mesh.Api.Identity;
using Mesh.Api.Traits;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Tests.Support;
using Xunit;
using Wire = Mesh.Api.Workload;

namespace Mesh.Control.Tests.Serving;

/// <summary>The model on the wire: every field where ambient proxies look for it.</summary>
public sealed class ModelPublisherTests
{
    private readonly ResourceStore _store = new(TimeProvider.System);

    [Fact]
    public void A_workload_has_every_field_where_a_proxy_looks_for_it()
    {
        Publish(new NamespaceModel
        {
            Name = "shop",
            Workloads =
            [
                new Workload
                {
                    Uid = "Kubernetes//Pod/shop/cart-1",
                    Name = "cart-1",
                    Namespace = "shop",
                    Addresses = [IPAddress.Parse("10.0.0.1"), IPAddress.Parse("fd00::1")],
                    Network = "net",
                    Tunnel = TunnelProtocol.Hbone,
                    IsNativeTunnel = true,
                    ServiceAccount = "cart",
                    Node = "node-1",
                    CanonicalName = "cart",
                    CanonicalRevision = "v2",
                    Controller = WorkloadController.CronJob,
                    ControllerName = "nightly",
                    IsHealthy = false,
                    Locality = new Locality("r", "z", "s"),
                    Weight = 7,
                    Services = [new WorkloadService(
                        new ServiceKey("shop", "cart.shop.svc"), [new EndpointPort(80, 8080, ApplicationProtocol.Grpc)])],
                    Policies = ["shop/p"],
                    NetworkPolicies = NetworkPolicyReach.Egress,
                },
            ],
        });

        ServedResource resource = Assert.Single(_store.Find(TypeUrls.Address)!.Resources.Values);
        Wire.Workload workload = resource.Message.Resource_.Unpack<Wire.Address>().Workload;
        Assert.Equal("Kubernetes//Pod/shop/cart-1", resource.Name);
        Assert.Equal(["net/10.0.0.1", "net/fd00::1"], resource.Aliases);
        Assert.Equal(resource.Name, workload.Uid);
        Assert.Equal([10, 0, 0, 1], workload.Addresses[0].ToByteArray());
        Assert.Equal(16, workload.Addresses[1].Length);
        Assert.Equal("net", workload.Network);
        Assert.Equal(Wire.TunnelProtocol.Hbone, workload.TunnelProtocol);
        Assert.True(workload.NativeTunnel);
        Assert.Equal("td.example", workload.TrustDomain);
        Assert.Equal("cart", workload.ServiceAccount);
        Assert.Equal("node-1", workload.Node);
        Assert.Equal(("cart", "v2"), (workload.CanonicalName, workload.CanonicalRevision));
        Assert.Equal((Wire.WorkloadType.Cronjob, "nightly"), (workload.WorkloadType, workload.WorkloadName));
        Assert.Equal(Wire.WorkloadStatus.Unhealthy, workload.Status);
        Assert.Equal("cluster-1", workload.ClusterId);
        Assert.Equal(("r", "z", "s"), (workload.Locality.Region, workload.Locality.Zone, workload.Locality.Subzone));
        Assert.Equal(7u, workload.Capacity);
        Wire.Port port = Assert.Single(workload.Services["shop/cart.shop.svc"].Ports);
        Assert.Equal((80u, 8080u, Wire.AppProtocol.Grpc), (port.ServicePort, port.TargetPort, port.AppProtocol));
        Assert.Equal(["shop/p"], workload.AuthorizationPolicies);
        Wire.Extension traits = Assert.Single(workload.Extensions);
        Assert.Equal("mesh-node.io/traits", traits.Name);
        Assert.Equal(new WorkloadTraits { NetworkPolicyEgress = true }, traits.Config.Unpack<WorkloadTraits>());
    }

    [Fact]
    public void A_service_has_every_field_where_a_proxy_looks_for_it()
    {
        Publish(new NamespaceModel
        {
            Name = "shop",
            Services =
            [
                new Service
                {
                    Key = new ServiceKey("shop", "cart.shop.svc"),
                    Name = "cart",
                    Addresses = [new VirtualAddress(
                        IPAddress.Parse("10.96.0.1"), null), new VirtualAddress(IPAddress.Parse("240.0.0.0"), 8)],
                    Ports = [new ServicePort(80, 0, ApplicationProtocol.Http11)],
                    SubjectAltNames = ["spiffe://td/ns/a/sa/b"],
                    Preference = new EndpointPreference(
                        [LocalityScope.Network, LocalityScope.Node], LocalityMode.Failover, AdmitsUnhealthy: true),
                    Families = AddressFamilies.Dual,
                    IsCanonical = true,
                    IsNamespaceLocal = true,
                },
            ],
        });

        ServedResource resource = Assert.Single(_store.Find(TypeUrls.Address)!.Resources.Values);
        Wire.Service service = resource.Message.Resource_.Unpack<Wire.Address>().Service;
        Assert.Equal("shop/cart.shop.svc", resource.Name);
        Assert.Equal(["/10.96.0.1"], resource.Aliases);
        Assert.Equal(("cart", "shop", "cart.shop.svc"), (service.Name, service.Namespace, service.Hostname));
        Assert.False(service.Addresses[0].HasLength);
        Assert.Equal(8u, service.Addresses[1].Length);
        Assert.Equal(
            (80u, 0u, Wire.AppProtocol.Http11), (service.Ports[0].ServicePort, service.Ports[0].TargetPort, service.Ports[0].AppProtocol));
        Assert.Equal(["spiffe://td/ns/a/sa/b"], service.SubjectAltNames);
        Assert.Equal(Wire.LoadBalancing.Types.Mode.Failover, service.LoadBalancing.Mode);
        Assert.Equal(Wire.LoadBalancing.Types.HealthPolicy.AllowAll, service.LoadBalancing.HealthPolicy);
        Assert.Equal(
            [Wire.LoadBalancing.Types.Scope.Network, Wire.LoadBalancing.Types.Scope.Node], service.LoadBalancing.RoutingPreference);
        Assert.Equal(Wire.IPFamilies.Dual, service.IpFamilies);
        Assert.True(service.Canonical);
        Assert.Equal(Wire.Service.Types.Visibility.Namespace, service.Visibility);
    }

    [Fact]
    public void What_leaves_the_mesh_is_said_by_extensions_and_names_where_there_are_no_addresses()
    {
        Publish(new NamespaceModel
        {
            Name = "shop",
            Services =
            [
                new Service
                {
                    Key = new ServiceKey("shop", "api.example.org"),
                    Name = "api",
                    IsReachedByName = true,
                    IsReachedByPort = true,
                    TakesFirstAnswer = true,
                },
                new Service { Key = new ServiceKey("shop", "plain.example.org"), Name = "plain" },
            ],
            Workloads =
            [
                new Workload
                {
                    Uid = "vm",
                    Name = "vm",
                    Namespace = "shop",
                    Addresses = [],
                    Hostname = "vm.example.org",
                    ServiceAccount = "default",
                    CanonicalName = "vm",
                    CanonicalRevision = "latest",
                    ControllerName = "vm",
                    NetworkPolicies = NetworkPolicyReach.None,
                    IsRegistryOnly = true,
                    Logging = new RequestLogging(
                        Mesh.Control.Model.Canonical.RequestLog.Written, Mesh.Control.Model.Canonical.RequestLog.Omitted),
                },
            ],
        });

        Wire.Extension entry = Assert.Single(Find("shop/api.example.org").Service.Extensions);
        Assert.Equal("mesh-node.io/entry", entry.Name);
        Assert.Equal(
            new ServiceEntryTraits { ByName = true, ByPort = true, FirstAnswer = true }, entry.Config.Unpack<ServiceEntryTraits>());
        Assert.Empty(Find("shop/plain.example.org").Service.Extensions);
        Wire.Workload workload = Find("vm").Workload;
        Assert.Equal(("vm.example.org", 0), (workload.Hostname, workload.Addresses.Count));
        Assert.Equal(new WorkloadTraits
        {
            RegistryOnly = true,
            ClientLog = Mesh.Api.Traits.RequestLog.Written,
            ServerLog = Mesh.Api.Traits.RequestLog.Omitted,
        }, Assert.Single(workload.Extensions).Config.Unpack<WorkloadTraits>());

        Wire.Address Find(string name) => _store.Find(TypeUrls.Address)!.Resources[name].Message.Resource_.Unpack<Wire.Address>();
    }

    [Fact]
    public void A_policy_keeps_its_structure()
    {
        var match = new PolicyMatch
        {
            Namespaces = [new TextMatch(TextMatchKind.Prefix, "team-")],
            NotNamespaces = [new TextMatch(TextMatchKind.Suffix, "-dev")],
            Principals = [TextMatch.AnyValue, new TextMatch(TextMatchKind.Exact, "td/ns/a/sa/b")],
            NotPrincipals = [TextMatch.AnyValue],
            ServiceAccounts = [new ServiceAccountName("a", "b")],
            NotServiceAccounts = [new ServiceAccountName("c", "d")],
            SourceRanges = [IPNetwork.Parse("10.0.0.0/8")],
            NotSourceRanges = [IPNetwork.Parse("10.1.0.0/16")],
            DestinationRanges = [IPNetwork.Parse("fd00::/8")],
            NotDestinationRanges = [IPNetwork.Parse("fd00::1/128")],
            DestinationPorts = [80],
            NotDestinationPorts = [81],
        };
        Publish(new NamespaceModel
        {
            Name = "shop",
            Policies =
            [
                new AuthorizationPolicy
                {
                    Namespace = "shop",
                    Name = "p",
                    Scope = PolicyScope.Workload,
                    Action = PolicyAction.Deny,
                    IsDryRun = true,
                    Rules = [new PolicyRule([new PolicyClause([match]), new PolicyClause([match, match])]), PolicyRule.MatchesEverything],
                },
            ],
        });

        ServedResource resource = Assert.Single(_store.Find(TypeUrls.Authorization)!.Resources.Values);
        Mesh.Api.Security.Authorization policy = resource.Message.Resource_.Unpack<Mesh.Api.Security.Authorization>();
        Assert.Equal("shop/p", resource.Name);
        Assert.Equal(("p", "shop"), (policy.Name, policy.Namespace));
        Assert.Equal(Mesh.Api.Security.Scope.WorkloadSelector, policy.Scope);
        Assert.Equal(Mesh.Api.Security.Action.Deny, policy.Action);
        Assert.True(policy.DryRun);
        Assert.Equal([2, 0], policy.Rules.Select(rule => rule.Clauses.Count));
        Assert.Equal([1, 2], policy.Rules[0].Clauses.Select(clause => clause.Matches.Count));
        Mesh.Api.Security.Match wire = policy.Rules[0].Clauses[0].Matches[0];
        Assert.Equal("team-", wire.Namespaces[0].Prefix);
        Assert.Equal("-dev", wire.NotNamespaces[0].Suffix);
        Assert.NotNull(wire.Principals[0].Presence);
        Assert.Equal("td/ns/a/sa/b", wire.Principals[1].Exact);
        Assert.NotNull(wire.NotPrincipals[0].Presence);
        Assert.Equal(("a", "b"), (wire.ServiceAccounts[0].Namespace, wire.ServiceAccounts[0].ServiceAccount));
        Assert.Equal(("c", "d"), (wire.NotServiceAccounts[0].Namespace, wire.NotServiceAccounts[0].ServiceAccount));
        Assert.Equal([10, 0, 0, 0], wire.SourceIps[0].Address_.ToByteArray());
        Assert.Equal(8u, wire.SourceIps[0].Length);
        Assert.Equal(16u, wire.NotSourceIps[0].Length);
        Assert.Equal((16, 8u), (wire.DestinationIps[0].Address_.Length, wire.DestinationIps[0].Length));
        Assert.Equal(128u, wire.NotDestinationIps[0].Length);
        Assert.Equal([80u], wire.DestinationPorts);
        Assert.Equal([81u], wire.NotDestinationPorts);
    }

    [Fact]
    public async Task The_same_manifests_have_the_same_versions_in_every_process()
    {
        using var directory = new ScratchDirectory();
        directory.Write(
            "a.yaml",
            Manifests.Namespace("shop") + Manifests.Pod(
                "shop", "cart", "10.0.0.1") + Manifests.Service("shop", "cart", "10.96.0.1", "cart"));
        var versions = new List<string>();
        for (int process = 0; process < 2; process++)
        {
            var store = new ResourceStore(TimeProvider.System);
            MeshModel model = new MeshTranslator(new TranslationOptions()).Translate(
                (await Manifests.ReadAsync(directory.Path)).Objects).Model;
            new ModelPublisher(store, "Kubernetes", TrustDomain.Default).Publish(model);
            versions.Add(string.Join(
                ' ', store.Find(TypeUrls.Address)!.Resources.Values.Select(resource => $"{resource.Name}={resource.Version}").Order()));
        }

        Assert.Equal(versions[0], versions[1]);
    }

    [Fact]
    public void Types_that_were_never_published_are_not_empty_but_unknown()
    {
        Assert.Null(_store.Find(TypeUrls.Address));
        Publish(new NamespaceModel { Name = "shop" });
        Assert.Empty(_store.Find(TypeUrls.Address)!.Resources);
    }

    private void Publish(NamespaceModel model) =>
        new ModelPublisher(_store, "cluster-1", TrustDomain.Parse("td.example"))
            .Publish(new MeshModel(ImmutableSortedDictionary<string, NamespaceModel>.Empty.Add(model.Name, model)));
}
