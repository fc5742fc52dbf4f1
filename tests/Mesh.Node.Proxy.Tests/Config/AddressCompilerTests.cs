using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Traits;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config.Resources;
using Xunit;
using Wire = Mesh.Api.Workload;

namespace Mesh.Node.Proxy.Tests.Config;

public sealed class AddressCompilerTests
{
    private readonly AddressCompiler _compiler = new();

    [Fact]
    public void Every_field_of_a_workload_arrives()
    {
        Workload workload = Compile(new Wire.Workload
        {
            Uid = "c//Pod/ns/n",
            Name = "n",
            Namespace = "ns",
            Addresses = { Bytes("10.0.0.1"), Bytes("fd00::1"), Bytes("::ffff:10.0.0.2") },
            Network = "net",
            TunnelProtocol = Wire.TunnelProtocol.Hbone,
            TrustDomain = "td.example",
            ServiceAccount = "sa",
            Waypoint = Hostname("ns", "waypoint"),
            Node = "node",
            CanonicalName = "cn",
            CanonicalRevision = "cr",
            WorkloadType = Wire.WorkloadType.Cronjob,
            WorkloadName = "wn",
            NativeTunnel = true,
            AuthorizationPolicies = { "ns/a", "ns/b", "ns/a" },
            Status = Wire.WorkloadStatus.Unhealthy,
            ClusterId = "cluster",
            NetworkGateway = new Wire.GatewayAddress
            {
                Address = new Wire.NetworkAddress { Network = "far", Address = Bytes("10.9.9.9") },
                HboneMtlsPort = 15_443,
            },
            Hostname = "h.example",
            Services = { ["ns/svc"] = new Wire.PortList { Ports = { Port(80, 8080, Wire.AppProtocol.Grpc) } } },
            ApplicationTunnel = new Wire.ApplicationTunnel { Protocol = Wire.ApplicationTunnel.Types.Protocol.Proxy, Port = 15_088 },
            Locality = new Wire.Locality { Region = "r", Zone = "z", Subzone = "s" },
            NetworkMode = Wire.NetworkMode.HostNetwork,
            Capacity = 7,
        });

        Assert.Equal("spiffe://td.example/ns/ns/sa/sa", workload.Identity.ToString());
        Assert.Equal(["10.0.0.1", "fd00::1", "10.0.0.2"], workload.Addresses.Select(address => address.ToString()));
        Assert.Equal(["ns/a", "ns/b"], workload.AuthorizationPolicies);
        Assert.Equal(("net", "node", "cluster", "h.example"), (workload.Network, workload.Node, workload.ClusterId, workload.Hostname));
        Assert.Equal(("cn", "cr", "wn", WorkloadType.CronJob), (workload.CanonicalName, workload.CanonicalRevision, workload.ControllerName, workload.Type));
        Assert.Equal((TunnelProtocol.Hbone, true, true, false, 7u),
            (workload.TunnelProtocol, workload.HasNativeTunnel, workload.IsHostNetwork, workload.IsHealthy, workload.Capacity));
        Assert.Equal(GatewayAddress.ByService("ns/waypoint", 15_008), workload.Waypoint);
        Assert.Equal(GatewayAddress.ByAddress(NetworkAddress.From("far", IPAddress.Parse("10.9.9.9")), 15_443), workload.NetworkGateway);
        Assert.Equal(new ApplicationTunnel(ApplicationTunnelProtocol.Proxy, 15_088), workload.ApplicationTunnel);
        Assert.Equal(new Locality("r", "z", "s"), workload.Locality);
        Assert.Equal(new ServicePort(80, 8080, PortProtocol.Grpc), Assert.Single(workload.MembershipOf("ns/svc")!.Ports));
    }

    [Theory]
    [InlineData(false, false, NetworkPolicyReach.None)]
    [InlineData(true, false, NetworkPolicyReach.Ingress)]
    [InlineData(true, true, NetworkPolicyReach.Ingress | NetworkPolicyReach.Egress)]
    public void What_network_policies_restrict_is_said_by_an_extension_of_our_own(bool ingress, bool egress, NetworkPolicyReach expected)
    {
        var traits = new WorkloadTraits { NetworkPolicyIngress = ingress, NetworkPolicyEgress = egress };
        Workload workload = Compile(Changed(wire => wire.Extensions.AddRange(
        [
            new Wire.Extension { Name = "somebody.else/thing", Config = Any.Pack(new Wire.Locality()) },
            new Wire.Extension { Name = "mesh-node.io/traits", Config = Any.Pack(traits) },
        ])));

        Assert.Equal(expected, workload.NetworkPolicies);
    }

    [Theory]
    [InlineData(false, false, false, ServiceReach.Addresses)]
    [InlineData(true, false, true, ServiceReach.Names)]
    [InlineData(false, true, false, ServiceReach.Port)]
    [InlineData(true, true, true, ServiceReach.Names | ServiceReach.Port)]
    public void How_a_service_is_reached_is_said_by_an_extension_of_our_own(bool byName, bool byPort, bool first, ServiceReach expected)
    {
        var entry = new ServiceEntryTraits { ByName = byName, ByPort = byPort, FirstAnswer = first };
        var wire = new Wire.Service { Name = "api", Namespace = "shop", Hostname = "api.example.org" };
        wire.Extensions.Add(new Wire.Extension { Name = "mesh-node.io/entry", Config = Any.Pack(entry) });
        Service service = _compiler.Compile(wire).Value!;
        Assert.Equal((expected, first), (service.Reach, service.TakesFirstAnswer));
        wire.Extensions[0].Config = Any.Pack(new Wire.Locality());
        Assert.Contains("mesh-node.io/entry", _compiler.Compile(wire).Refusal, StringComparison.Ordinal);
        wire.Extensions.Clear();
        service = _compiler.Compile(wire).Value!;
        Assert.Equal((ServiceReach.Addresses, false), (service.Reach, service.TakesFirstAnswer));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Where_a_workload_may_go_is_said_by_its_traits(bool isRegistryOnly)
    {
        var traits = new Wire.Extension
        {
            Name = "mesh-node.io/traits",
            Config = Any.Pack(new WorkloadTraits { RegistryOnly = isRegistryOnly }),
        };
        Assert.Equal(isRegistryOnly, Compile(Changed(wire => wire.Extensions.Add(traits))).IsRegistryOnly);
        Assert.False(Compile(Minimal()).IsRegistryOnly);
    }

    [Fact]
    public void Whose_requests_are_logged_is_said_by_its_traits()
    {
        Wire.Extension traits = new()
        {
            Name = "mesh-node.io/traits",
            Config = Any.Pack(new WorkloadTraits
            {
                ClientLog = Mesh.Api.Traits.RequestLog.Written,
                ServerLog = Mesh.Api.Traits.RequestLog.Omitted,
            }),
        };
        Assert.Equal(
            new RequestLogging(Mesh.Node.Model.Workloads.RequestLog.Written, Mesh.Node.Model.Workloads.RequestLog.Omitted),
            Compile(Changed(wire => wire.Extensions.Add(traits))).Logging);
        Assert.Equal(default, Compile(Minimal()).Logging);
    }

    [Fact]
    public void An_extension_of_our_name_with_something_else_in_it_is_refused()
    {
        foreach (Any? config in (Any?[])
            [null, Any.Pack(new Wire.Locality()), new Any { TypeUrl = Any.Pack(new WorkloadTraits()).TypeUrl, Value = ByteString.CopyFrom(0xFF) }])
        {
            Wire.Workload wire = Changed(wire => wire.Extensions.Add(new Wire.Extension { Name = "mesh-node.io/traits", Config = config }));
            Assert.Contains("mesh-node.io/traits", _compiler.Compile(wire).Refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_a_workload_does_not_say_has_its_default()
    {
        Workload workload = Compile(Minimal());

        Assert.Equal("spiffe://cluster.local/ns/ns/sa/default", workload.Identity.ToString());
        Assert.Equal((1u, true, TunnelProtocol.None, false), (workload.Capacity, workload.IsHealthy, workload.TunnelProtocol, workload.IsHostNetwork));
        Assert.Null(workload.Hostname);
        Assert.Null(workload.Waypoint);
        Assert.Null(workload.ApplicationTunnel);
        Assert.Null(workload.NetworkPolicies);
        Assert.Equal(Locality.Unknown, workload.Locality);
    }

    [Fact]
    public void A_capacity_of_zero_is_not_a_capacity_nobody_gave() => Assert.Equal(0u, Compile(Changed(workload => workload.Capacity = 0)).Capacity);

    [Fact]
    public void Fields_and_extensions_nobody_knows_are_ignored()
    {
        Wire.Workload wire = Changed(workload => workload.Extensions.Add(new Wire.Extension { Name = "future" }));
        byte[] withUnknownField = [.. wire.ToByteArray(), 0xFA, 0x3F, 1, 42]; // Field 1023, one byte.

        Assert.Equal("c//Pod/ns/n", Compile(Wire.Workload.Parser.ParseFrom(withUnknownField)).Uid);
    }

    [Fact]
    public void A_workload_that_could_be_misunderstood_is_refused_with_the_field()
    {
        (Action<Wire.Workload> Change, string Expected)[] cases =
        [
            (workload => workload.Uid = "", "uid"),
            (workload => workload.TunnelProtocol = Wire.TunnelProtocol.LegacyIstioMtls, "LEGACY_ISTIO_MTLS"),
            (workload => workload.TunnelProtocol = (Wire.TunnelProtocol)9, "tunnel_protocol: 9"),
            (workload => workload.NetworkMode = (Wire.NetworkMode)9, "network_mode: 9"),
            (workload => workload.Status = (Wire.WorkloadStatus)9, "status: 9"),
            (workload => workload.Addresses.Add(ByteString.CopyFrom(1, 2, 3)), "3 bytes"),
            (workload => workload.Namespace = "", "SPIFFE"),
            (workload => workload.ServiceAccount = "a/b", "SPIFFE"),
            (workload => workload.TrustDomain = "UPPER", "SPIFFE"),
            (workload => workload.Waypoint = new Wire.GatewayAddress(), "waypoint"),
            (workload => workload.NetworkGateway = Hostname("a", "b", 70_000), "network_gateway: 70000"),
            (workload => workload.ApplicationTunnel = new Wire.ApplicationTunnel { Port = 70_000 }, "application_tunnel.port"),
            (workload => workload.Services["a/b"] = new Wire.PortList { Ports = { Port(0, 1) } }, "ports.service_port: 0"),
            (workload => workload.Services["a/b"] = new Wire.PortList { Ports = { Port(1, 65_536) } }, "ports.target_port: 65536"),
        ];
        foreach ((Action<Wire.Workload> change, string expected) in cases)
        {
            CompiledResource<Workload> compiled = _compiler.Compile(Changed(change));

            Assert.True(compiled.IsRefused, expected);
            Assert.Null(compiled.Value);
            Assert.Contains(expected, compiled.Refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_field_of_a_service_arrives()
    {
        CompiledResource<Service> compiled = _compiler.Compile(new Wire.Service
        {
            Name = "n",
            Namespace = "ns",
            Hostname = "n.ns.svc",
            Addresses =
            {
                new Wire.NetworkAddress { Network = "net", Address = Bytes("10.1.0.1") },
                new Wire.NetworkAddress { Address = Bytes("fd00::"), Length = 16 },
                new Wire.NetworkAddress { Address = Bytes("0.0.0.0"), Length = 0 },
                new Wire.NetworkAddress { Address = Bytes("::ffff:10.2.0.0"), Length = 112 },
            },
            Ports = { Port(80, 0), Port(443, 8443, Wire.AppProtocol.Tls), Port(90, 90, (Wire.AppProtocol)42) },
            SubjectAltNames = { "spiffe://td/ns/a/sa/b", "www.example.com" },
            Waypoint = Hostname("ns", "w"),
            LoadBalancing = new Wire.LoadBalancing
            {
                RoutingPreference = { Wire.LoadBalancing.Types.Scope.Network, Wire.LoadBalancing.Types.Scope.Node },
                Mode = Wire.LoadBalancing.Types.Mode.Failover,
                HealthPolicy = Wire.LoadBalancing.Types.HealthPolicy.AllowAll,
            },
            IpFamilies = Wire.IPFamilies.Dual,
            Canonical = true,
            WeightedWaypoints = { new Wire.WeightedWaypoint { Destination = Hostname("ns", "x"), Weight = 3 } },
            Visibility = Wire.Service.Types.Visibility.Namespace,
        });

        Assert.False(compiled.IsRefused);
        Service service = compiled.Value;
        Assert.Equal(("ns/n.ns.svc", "n"), (service.Key, service.Name));
        Assert.Equal(["net/10.1.0.1/32", "/fd00::/16", "/0.0.0.0/0", "/10.2.0.0/16"], service.Addresses.Select(address => address.ToString()));
        Assert.Equal(
            [new ServicePort(80, 0, PortProtocol.Detect), new ServicePort(443, 8443, PortProtocol.Tls), new ServicePort(90, 90, PortProtocol.Detect)],
            service.Ports);
        Assert.Equal("spiffe://td/ns/a/sa/b", Assert.Single(service.SubjectAltNames).ToString());
        Assert.Contains("www.example.com", compiled.Remark, StringComparison.Ordinal);
        Assert.Equal([RoutingScope.Network, RoutingScope.Node], service.LoadBalancing.RoutingPreference);
        Assert.Equal((LoadBalancingMode.Failover, true), (service.LoadBalancing.Mode, service.LoadBalancing.AllowsUnhealthy));
        Assert.Equal((IpFamilies.Dual, true, ServiceVisibility.Namespace), (service.IpFamilies, service.IsCanonical, service.Visibility));
        Assert.Equal(GatewayAddress.ByService("ns/w", 15_008), service.Waypoint);
        Assert.Equal(new WeightedWaypoint(GatewayAddress.ByService("ns/x", 15_008), 3), Assert.Single(service.WeightedWaypoints));
    }

    [Fact]
    public void A_service_that_could_be_misunderstood_is_refused_with_the_field()
    {
        (Action<Wire.Service> Change, string Expected)[] cases =
        [
            (service => service.Hostname = "", "hostname"),
            (service => service.Namespace = "", "namespace"),
            (service => service.Addresses.Add(new Wire.NetworkAddress { Address = Bytes("10.0.0.0"), Length = 33 }), "addresses"),
            (service => service.Addresses.Add(new Wire.NetworkAddress { Address = Bytes("10.0.0.0"), Length = uint.MaxValue }), "addresses"),
            (service => service.Addresses.Add(new Wire.NetworkAddress()), "addresses"),
            (service => service.Ports.Add(Port(70_000, 1)), "70000"),
            (service => service.IpFamilies = (Wire.IPFamilies)9, "ip_families: 9"),
            (service => service.Visibility = (Wire.Service.Types.Visibility)9, "visibility: 9"),
            (service => service.LoadBalancing = new Wire.LoadBalancing { Mode = (Wire.LoadBalancing.Types.Mode)9 }, "load_balancing.mode: 9"),
            (service => service.LoadBalancing = new Wire.LoadBalancing { HealthPolicy = (Wire.LoadBalancing.Types.HealthPolicy)9 }, "health_policy: 9"),
            (service => service.LoadBalancing = new Wire.LoadBalancing { RoutingPreference = { Wire.LoadBalancing.Types.Scope.UnspecifiedScope } }, "routing_preference: 0"),
            (service => service.WeightedWaypoints.Add(new Wire.WeightedWaypoint { Weight = 1 }), "weighted_waypoints"),
        ];
        foreach ((Action<Wire.Service> change, string expected) in cases)
        {
            var wire = new Wire.Service { Name = "n", Namespace = "ns", Hostname = "h" };
            change(wire);
            CompiledResource<Service> compiled = _compiler.Compile(wire);

            Assert.True(compiled.IsRefused, expected);
            Assert.Contains(expected, compiled.Refusal, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_subsets_a_workload_is_in_are_those_of_its_services()
    {
        Workload workload = Compile(Changed(workload =>
        {
            workload.Services.Add("ns/svc", new Wire.PortList());
            workload.Services.Add("ns/other", new Wire.PortList());
            workload.Extensions.Add(Subsets(new ServiceSubsets { Service = "ns/svc", Keys = { "ns/rule/v1", "ns/rule/v1", "ns/rule/canary" } }));
        }));

        Assert.Equal(["ns/rule/v1", "ns/rule/canary"], workload.MembershipOf("ns/svc")!.Subsets);
        Assert.Empty(workload.MembershipOf("ns/other")!.Subsets);
    }

    [Fact]
    public void Subsets_that_are_none_refuse_the_workload()
    {
        CompiledResource<Workload> twice = _compiler.Compile(Changed(workload => workload.Extensions.Add(
            Subsets(new ServiceSubsets { Service = "ns/svc" }, new ServiceSubsets { Service = "ns/svc" }))));
        CompiledResource<Workload> another = _compiler.Compile(Changed(workload => workload.Extensions.Add(
            new Wire.Extension { Name = WorkloadExtensions.Subsets, Config = Any.Pack(new WorkloadTraits()) })));

        Assert.Contains("mesh-node.io/subsets has ns/svc twice", twice.Refusal, StringComparison.Ordinal);
        Assert.Contains("mesh-node.io/subsets is no mesh.node.v1.WorkloadSubsets", another.Refusal, StringComparison.Ordinal);
    }

    private static Wire.Extension Subsets(params ServiceSubsets[] subsets) =>
        new() { Name = WorkloadExtensions.Subsets, Config = Any.Pack(new WorkloadSubsets { Services = { subsets } }) };

    [Fact]
    public void Workloads_of_one_account_share_one_identity_in_memory() =>
        Assert.Same(Compile(Minimal()).Identity, Compile(Changed(workload => workload.Uid = "other")).Identity);

    private Workload Compile(Wire.Workload wire)
    {
        CompiledResource<Workload> compiled = _compiler.Compile(wire);
        Assert.False(compiled.IsRefused, compiled.Refusal);
        return compiled.Value;
    }

    private static Wire.Workload Minimal() => new() { Uid = "c//Pod/ns/n", Name = "n", Namespace = "ns" };

    private static Wire.Workload Changed(Action<Wire.Workload> change)
    {
        Wire.Workload wire = Minimal();
        change(wire);
        return wire;
    }

    private static Wire.GatewayAddress Hostname(string @namespace, string hostname, uint port = 0) =>
        new() { Hostname = new Wire.NamespacedHostname { Namespace = @namespace, Hostname = hostname }, HboneMtlsPort = port };

    private static Wire.Port Port(uint port, uint target, Wire.AppProtocol protocol = Wire.AppProtocol.Unknown) =>
        new() { ServicePort = port, TargetPort = target, AppProtocol = protocol };

    private static ByteString Bytes(string address) => ByteString.CopyFrom(IPAddress.Parse(address).GetAddressBytes());
}
