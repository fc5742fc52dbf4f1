using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using Google.Protobuf;
using Mesh.Api.Identity;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Workloads;
using Wire = Mesh.Api.Workload;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// Workloads and services from the wire. What this node could misunderstand is refused by name: a workload taken for something it is not
/// would get traffic it must not, or in a form it must not. The writer's thread only.
/// </summary>
internal sealed class AddressCompiler
{
    private const ushort HbonePort = 15_008;

    private readonly InternPool _pool = new();

    public CompiledResource<Workload> Compile(Wire.Workload wire)
    {
        try
        {
            return ReadWorkload(wire);
        }
        catch (ResourceRefusedException refusal)
        {
            return CompiledResource<Workload>.Refused(refusal.Message);
        }
    }

    public CompiledResource<Service> Compile(Wire.Service wire)
    {
        try
        {
            return ReadService(wire);
        }
        catch (ResourceRefusedException refusal)
        {
            return CompiledResource<Service>.Refused(refusal.Message);
        }
    }

    private Workload ReadWorkload(Wire.Workload wire)
    {
        Require(wire.Uid.Length > 0, "it has no uid");
        string trustDomain = wire.TrustDomain.Length > 0 ? wire.TrustDomain : TrustDomain.Default.Name;
        string serviceAccount = wire.ServiceAccount.Length > 0 ? wire.ServiceAccount : "default";
        Require(
            _pool.TryIdentity(trustDomain, wire.Namespace, serviceAccount, out SpiffeId? identity),
            $"trust domain '{trustDomain}', namespace '{wire.Namespace}' and service account '{serviceAccount}' make no SPIFFE identity");

        return new Workload
        {
            Uid = wire.Uid,
            Name = wire.Name,
            Namespace = identity.Namespace,
            Identity = identity,
            Addresses = [.. wire.Addresses.Select(ReadAddress)],
            Network = _pool.Text(wire.Network),
            ClusterId = _pool.Text(wire.ClusterId),
            Node = _pool.Text(wire.Node),
            Locality = ReadLocality(wire.Locality),
            TunnelProtocol = ReadTunnelProtocol(wire.TunnelProtocol),
            HasNativeTunnel = wire.NativeTunnel,
            IsHostNetwork = Known(wire.NetworkMode, "network_mode") == Wire.NetworkMode.HostNetwork,
            IsHealthy = Known(wire.Status, "status") == Wire.WorkloadStatus.Healthy,
            Capacity = wire.Capacity ?? 1,
            Hostname = wire.Hostname.Length > 0 ? wire.Hostname : null,
            CanonicalName = _pool.Text(wire.CanonicalName),
            CanonicalRevision = _pool.Text(wire.CanonicalRevision),
            Type = ReadType(wire.WorkloadType),
            ControllerName = _pool.Text(wire.WorkloadName),
            AuthorizationPolicies = [.. wire.AuthorizationPolicies.Distinct(StringComparer.Ordinal).Select(_pool.Text)],
            Services = ReadMemberships(wire),
            Waypoint = ReadGateway(wire.Waypoint, "waypoint"),
            NetworkGateway = ReadGateway(wire.NetworkGateway, "network_gateway"),
            ApplicationTunnel = ReadApplicationTunnel(wire.ApplicationTunnel),
            NetworkPolicies = AddressExtensionReader.NetworkPolicies(wire),
            IsRegistryOnly = AddressExtensionReader.IsRegistryOnly(wire),
            Logging = AddressExtensionReader.Logging(wire),
        };
    }

    private CompiledResource<Service> ReadService(Wire.Service wire)
    {
        Require(wire.Namespace.Length > 0, "it has no namespace");
        Require(wire.Hostname.Length > 0, "it has no hostname");
        var identities = new List<SpiffeId>();
        var ignored = new List<string>();
        foreach (string name in wire.SubjectAltNames)
        {
            if (SpiffeId.TryParse(name, out SpiffeId? identity))
            {
                identities.Add(identity);
            }
            else
            {
                ignored.Add(name);
            }
        }

        var service = new Service(_pool.Text(wire.Namespace), wire.Hostname)
        {
            Name = wire.Name,
            Addresses = [.. wire.Addresses.Select(ReadNetworkPrefix)],
            Ports = [.. wire.Ports.Select(ReadPort)],
            SubjectAltNames = [.. identities],
            LoadBalancing = ReadLoadBalancing(wire.LoadBalancing),
            IpFamilies = ReadFamilies(wire.IpFamilies),
            IsCanonical = wire.Canonical,
            Visibility = Known(wire.Visibility, "visibility") == Wire.Service.Types.Visibility.Public
                ? ServiceVisibility.Public
                : ServiceVisibility.Namespace,
            Reach = AddressExtensionReader.Reach(wire),
            TakesFirstAnswer = AddressExtensionReader.TakesFirstAnswer(wire),
            Waypoint = ReadGateway(wire.Waypoint, "waypoint"),
            WeightedWaypoints = [.. wire.WeightedWaypoints.Select(ReadWeightedWaypoint)],
        };
        return CompiledResource<Service>.WithRemark(
            service,
            ignored.Count == 0
                ? null
                : $"subject_alt_names that are no SPIFFE identities are not accepted of any peer: {string.Join(", ", ignored)}");
    }

    private ImmutableArray<ServiceMembership> ReadMemberships(Wire.Workload wire)
    {
        Dictionary<string, ImmutableArray<string>> subsets = AddressExtensionReader.Subsets(wire, _pool);
        return
        [
            .. wire.Services.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry =>
                new ServiceMembership(_pool.Text(entry.Key), [.. entry.Value.Ports.Select(ReadPort)])
                {
                    Subsets = subsets.GetValueOrDefault(entry.Key, []),
                }),
        ];
    }

    private Locality ReadLocality(Wire.Locality? wire) =>
        wire is null ? Locality.Unknown : new Locality(_pool.Text(wire.Region), _pool.Text(wire.Zone), _pool.Text(wire.Subzone));

    private static WeightedWaypoint ReadWeightedWaypoint(Wire.WeightedWaypoint wire) =>
        new(ReadGateway(wire.Destination, "weighted_waypoints") ?? throw Refuse("weighted_waypoints: one has no destination"), wire.Weight);

    private static GatewayAddress? ReadGateway(Wire.GatewayAddress? wire, string field)
    {
        if (wire is null)
        {
            return null;
        }

        ushort port = wire.HboneMtlsPort == 0 ? HbonePort : ReadPortNumber(wire.HboneMtlsPort, field);
        return wire.DestinationCase switch
        {
            Wire.GatewayAddress.DestinationOneofCase.Hostname =>
                GatewayAddress.ByService(Service.KeyOf(wire.Hostname.Namespace, wire.Hostname.Hostname), port),
            Wire.GatewayAddress.DestinationOneofCase.Address =>
                GatewayAddress.ByAddress(new NetworkAddress(wire.Address.Network, ReadIpValue(wire.Address.Address)), port),
            _ => throw Refuse($"{field}: neither a hostname nor an address"),
        };
    }

    private static ApplicationTunnel? ReadApplicationTunnel(Wire.ApplicationTunnel? wire)
    {
        if (wire is null)
        {
            return null;
        }

        ApplicationTunnelProtocol protocol =
            Known(wire.Protocol, "application_tunnel.protocol") == Wire.ApplicationTunnel.Types.Protocol.Proxy
            ? ApplicationTunnelProtocol.Proxy
            : ApplicationTunnelProtocol.None;
        return new ApplicationTunnel(protocol, ReadPortNumber(wire.Port, "application_tunnel.port"));
    }

    private static TunnelProtocol ReadTunnelProtocol(Wire.TunnelProtocol wire) => wire switch
    {
        Wire.TunnelProtocol.None => TunnelProtocol.None,
        Wire.TunnelProtocol.Hbone => TunnelProtocol.Hbone,
        Wire.TunnelProtocol.LegacyIstioMtls => throw Refuse("tunnel_protocol: LEGACY_ISTIO_MTLS is not spoken here"),
        _ => throw Unknown(wire, "tunnel_protocol"),
    };

    /// <summary>The type only names things for people, so one from the future is no reason to refuse.</summary>
    private static WorkloadType ReadType(Wire.WorkloadType wire) => wire switch
    {
        Wire.WorkloadType.Cronjob => WorkloadType.CronJob,
        Wire.WorkloadType.Pod => WorkloadType.Pod,
        Wire.WorkloadType.Job => WorkloadType.Job,
        _ => WorkloadType.Deployment,
    };

    /// <summary>A protocol from the future is looked for as if none were declared.</summary>
    private static PortProtocol ReadProtocol(Wire.AppProtocol wire) => wire switch
    {
        Wire.AppProtocol.Http11 => PortProtocol.Http,
        Wire.AppProtocol.Http2 => PortProtocol.Http2,
        Wire.AppProtocol.Grpc => PortProtocol.Grpc,
        Wire.AppProtocol.Tcp => PortProtocol.Tcp,
        Wire.AppProtocol.Tls => PortProtocol.Tls,
        _ => PortProtocol.Detect,
    };

    private static IpFamilies ReadFamilies(Wire.IPFamilies wire) => wire switch
    {
        Wire.IPFamilies.Automatic => IpFamilies.Automatic,
        Wire.IPFamilies.Ipv4Only => IpFamilies.IPv4Only,
        Wire.IPFamilies.Ipv6Only => IpFamilies.IPv6Only,
        Wire.IPFamilies.Dual => IpFamilies.Dual,
        _ => throw Unknown(wire, "ip_families"),
    };

    private static LoadBalancing ReadLoadBalancing(Wire.LoadBalancing? wire)
    {
        if (wire is null)
        {
            return LoadBalancing.Default;
        }

        LoadBalancingMode mode = wire.Mode switch
        {
            Wire.LoadBalancing.Types.Mode.UnspecifiedMode => LoadBalancingMode.Any,
            Wire.LoadBalancing.Types.Mode.Strict => LoadBalancingMode.Strict,
            Wire.LoadBalancing.Types.Mode.Failover => LoadBalancingMode.Failover,
            Wire.LoadBalancing.Types.Mode.Passthrough => LoadBalancingMode.Passthrough,
            _ => throw Unknown(wire.Mode, "load_balancing.mode"),
        };
        bool allowsUnhealthy =
            Known(wire.HealthPolicy, "load_balancing.health_policy") == Wire.LoadBalancing.Types.HealthPolicy.AllowAll;
        return new LoadBalancing([.. wire.RoutingPreference.Select(ReadScope)], mode, allowsUnhealthy);
    }

    private static RoutingScope ReadScope(Wire.LoadBalancing.Types.Scope wire) => wire switch
    {
        Wire.LoadBalancing.Types.Scope.Region => RoutingScope.Region,
        Wire.LoadBalancing.Types.Scope.Zone => RoutingScope.Zone,
        Wire.LoadBalancing.Types.Scope.Subzone => RoutingScope.Subzone,
        Wire.LoadBalancing.Types.Scope.Node => RoutingScope.Node,
        Wire.LoadBalancing.Types.Scope.Cluster => RoutingScope.Cluster,
        Wire.LoadBalancing.Types.Scope.Network => RoutingScope.Network,
        _ => throw Unknown(wire, "load_balancing.routing_preference"),
    };

    private static ServicePort ReadPort(Wire.Port wire) => new(
        ReadPortNumber(wire.ServicePort, "ports.service_port"),
        wire.TargetPort == 0 ? (ushort)0 : ReadPortNumber(wire.TargetPort, "ports.target_port"),
        ReadProtocol(wire.AppProtocol));

    private static ushort ReadPortNumber(uint port, string field) => port is > 0 and <= ushort.MaxValue
        ? (ushort)port
        : throw Refuse(string.Create(CultureInfo.InvariantCulture, $"{field}: {port} is not a port"));

    private NetworkPrefix ReadNetworkPrefix(Wire.NetworkAddress wire)
    {
        uint lengthBits = wire.HasLength ? wire.Length : (uint)wire.Address.Length * 8;
        return IpPrefix.TryFromBytes(wire.Address.Span, lengthBits, out IpPrefix prefix)
            ? new NetworkPrefix(_pool.Text(wire.Network), prefix)
            : throw Refuse($"addresses: {wire} is no address and no block of addresses");
    }

    private static IPAddress ReadAddress(ByteString bytes) => ReadIpValue(bytes).ToIPAddress();

    private static IpValue ReadIpValue(ByteString bytes) => IpValue.TryFromBytes(bytes.Span, out IpValue address)
        ? address
        : throw Refuse(string.Create(CultureInfo.InvariantCulture, $"an address has {bytes.Length} bytes in place of 4 or 16"));

    private static TEnum Known<TEnum>(TEnum value, string field)
        where TEnum : struct, Enum => Enum.IsDefined(value) ? value : throw Unknown(value, field);

    private static ResourceRefusedException Unknown<TEnum>(TEnum value, string field)
        where TEnum : struct, Enum => Refuse($"{field}: {value:D} is not known here");

    private static void Require([DoesNotReturnIf(false)] bool holds, string otherwise)
    {
        if (!holds)
        {
            throw Refuse(otherwise);
        }
    }

    private static ResourceRefusedException Refuse(string reason) => new(reason);
}
