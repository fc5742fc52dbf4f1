using System.Collections.Immutable;
using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Traits;
using Mesh.Control.Model.Canonical;
using Wire = Mesh.Api.Workload;

namespace Mesh.Control.Serving.Xds;

/// <summary>Workloads and services of the model as <c>istio.workload.Address</c> resources. Pure.</summary>
internal sealed class AddressCompiler(string clusterId, string trustDomain)
{
    private const string DefaultTrustDomain = "cluster.local";

    public ServedResource Compile(Workload workload)
    {
        var message = new Wire.Workload
        {
            Uid = workload.Uid,
            Name = workload.Name,
            Namespace = workload.Namespace,
            Network = workload.Network,
            TunnelProtocol = workload.Tunnel == TunnelProtocol.Hbone ? Wire.TunnelProtocol.Hbone : Wire.TunnelProtocol.None,
            TrustDomain = trustDomain == DefaultTrustDomain ? string.Empty : trustDomain,
            ServiceAccount = workload.ServiceAccount,
            Node = workload.Node,
            CanonicalName = workload.CanonicalName,
            CanonicalRevision = workload.CanonicalRevision,
            WorkloadType = WireOf(workload.Controller),
            WorkloadName = workload.ControllerName,
            NativeTunnel = workload.IsNativeTunnel,
            Hostname = workload.Hostname ?? string.Empty,
            Status = workload.IsHealthy ? Wire.WorkloadStatus.Healthy : Wire.WorkloadStatus.Unhealthy,
            ClusterId = clusterId,
            NetworkMode = workload.IsHostNetwork ? Wire.NetworkMode.HostNetwork : Wire.NetworkMode.Standard,
        };
        if (workload.Weight is { } weight)
        {
            message.Capacity = (uint)weight;
        }

        if (workload.Locality != Locality.Unknown)
        {
            message.Locality = new Wire.Locality
            {
                Region = workload.Locality.Region,
                Zone = workload.Locality.Zone,
                Subzone = workload.Locality.Subzone,
            };
        }

        if (workload.NetworkPolicies is { } reach)
        {
            message.Extensions.Add(TraitsOf(reach, workload));
        }

        if (workload.Services.Any(service => !service.Subsets.IsEmpty))
        {
            message.Extensions.Add(SubsetsOf(workload));
        }

        message.Addresses.AddRange(workload.Addresses.Select(BytesOf));
        message.AuthorizationPolicies.AddRange(workload.Policies);
        foreach (WorkloadService service in workload.Services)
        {
            var ports = new Wire.PortList();
            ports.Ports.AddRange(service.Ports.Select(port => new Wire.Port
            {
                ServicePort = (uint)port.ServicePort,
                TargetPort = (uint)port.TargetPort,
                AppProtocol = WireOf(port.Protocol),
            }));
            message.Services.Add(service.Service.ToString(), ports);
        }

        return ServedResource.Of(
            TypeUrls.Address,
            workload.Uid,
            new Wire.Address { Workload = message },
            AliasesOf(workload),
            workload.Node,
            [.. workload.Services.Select(service => service.Service.ToString())]);
    }

    public static ServedResource Compile(Service service)
    {
        var message = new Wire.Service
        {
            Name = service.Name,
            Namespace = service.Key.Namespace,
            Hostname = service.Key.Hostname,
            IpFamilies = WireOf(service.Families),
            Canonical = service.IsCanonical,
            Visibility = service.IsNamespaceLocal ? Wire.Service.Types.Visibility.Namespace : Wire.Service.Types.Visibility.Public,
        };
        if (service.Preference != EndpointPreference.Default)
        {
            message.LoadBalancing = new Wire.LoadBalancing
            {
                Mode = WireOf(service.Preference.Mode),
                HealthPolicy = service.Preference.AdmitsUnhealthy
                    ? Wire.LoadBalancing.Types.HealthPolicy.AllowAll
                    : Wire.LoadBalancing.Types.HealthPolicy.OnlyHealthy,
            };
            message.LoadBalancing.RoutingPreference.AddRange(service.Preference.Scopes.Select(WireOf));
        }

        foreach (VirtualAddress address in service.Addresses)
        {
            var wire = new Wire.NetworkAddress { Network = service.Network, Address = BytesOf(address.Address) };
            if (address.PrefixLength is { } length)
            {
                wire.Length = (uint)length;
            }

            message.Addresses.Add(wire);
        }

        message.Ports.AddRange(service.Ports.Select(port => new Wire.Port
        {
            ServicePort = (uint)port.Port,
            TargetPort = (uint)port.TargetPort,
            AppProtocol = WireOf(port.Protocol),
        }));
        message.SubjectAltNames.AddRange(service.SubjectAltNames);
        if (service.IsReachedByName || service.IsReachedByPort || service.TakesFirstAnswer)
        {
            message.Extensions.Add(new Wire.Extension
            {
                Name = ServiceExtensions.Entry,
                Config = Any.Pack(new ServiceEntryTraits
                {
                    ByName = service.IsReachedByName,
                    ByPort = service.IsReachedByPort,
                    FirstAnswer = service.TakesFirstAnswer,
                }),
            });
        }

        return ServedResource.Of(
            TypeUrls.Address,
            service.Key.ToString(),
            new Wire.Address { Service = message },
            [.. service.Addresses.Where(address => address.PrefixLength is null).Select(address => $"{service.Network}/{address.Address}")],
            node: string.Empty,
            services: []);
    }

    /// <summary>A node's own address leads to no workload in particular, so a pod of the node's network is not found by it.</summary>
    private static ImmutableArray<string> AliasesOf(Workload workload) =>
        workload.IsHostNetwork ? [] : [.. workload.Addresses.Select(address => $"{workload.Network}/{address}")];

    private static Wire.Extension TraitsOf(NetworkPolicyReach reach, Workload workload) => new()
    {
        Name = WorkloadExtensions.Traits,
        Config = Any.Pack(new WorkloadTraits
        {
            NetworkPolicyIngress = reach.HasFlag(NetworkPolicyReach.Ingress),
            NetworkPolicyEgress = reach.HasFlag(NetworkPolicyReach.Egress),
            RegistryOnly = workload.IsRegistryOnly,
            ClientLog = (Mesh.Api.Traits.RequestLog)workload.Logging.Client,
            ServerLog = (Mesh.Api.Traits.RequestLog)workload.Logging.Server,
        }),
    };

    private static Wire.Extension SubsetsOf(Workload workload)
    {
        var subsets = new WorkloadSubsets();
        foreach (WorkloadService service in workload.Services.Where(service => !service.Subsets.IsEmpty))
        {
            var entry = new ServiceSubsets { Service = service.Service.ToString() };
            entry.Keys.AddRange(service.Subsets);
            subsets.Services.Add(entry);
        }

        return new Wire.Extension { Name = WorkloadExtensions.Subsets, Config = Any.Pack(subsets) };
    }

    private static ByteString BytesOf(IPAddress address) => ByteString.CopyFrom(address.GetAddressBytes());

    private static Wire.WorkloadType WireOf(WorkloadController controller) => controller switch
    {
        WorkloadController.Deployment => Wire.WorkloadType.Deployment,
        WorkloadController.CronJob => Wire.WorkloadType.Cronjob,
        WorkloadController.Job => Wire.WorkloadType.Job,
        _ => Wire.WorkloadType.Pod,
    };

    private static Wire.AppProtocol WireOf(ApplicationProtocol protocol) => protocol switch
    {
        ApplicationProtocol.Http11 => Wire.AppProtocol.Http11,
        ApplicationProtocol.Http2 => Wire.AppProtocol.Http2,
        ApplicationProtocol.Grpc => Wire.AppProtocol.Grpc,
        ApplicationProtocol.Tcp => Wire.AppProtocol.Tcp,
        ApplicationProtocol.Tls => Wire.AppProtocol.Tls,
        _ => Wire.AppProtocol.Unknown,
    };

    private static Wire.IPFamilies WireOf(AddressFamilies families) => families switch
    {
        AddressFamilies.IPv4Only => Wire.IPFamilies.Ipv4Only,
        AddressFamilies.IPv6Only => Wire.IPFamilies.Ipv6Only,
        AddressFamilies.Dual => Wire.IPFamilies.Dual,
        _ => Wire.IPFamilies.Automatic,
    };

    private static Wire.LoadBalancing.Types.Mode WireOf(LocalityMode mode) => mode switch
    {
        LocalityMode.Strict => Wire.LoadBalancing.Types.Mode.Strict,
        LocalityMode.Failover => Wire.LoadBalancing.Types.Mode.Failover,
        LocalityMode.Passthrough => Wire.LoadBalancing.Types.Mode.Passthrough,
        _ => Wire.LoadBalancing.Types.Mode.UnspecifiedMode,
    };

    private static Wire.LoadBalancing.Types.Scope WireOf(LocalityScope scope) => scope switch
    {
        LocalityScope.Region => Wire.LoadBalancing.Types.Scope.Region,
        LocalityScope.Zone => Wire.LoadBalancing.Types.Scope.Zone,
        LocalityScope.Subzone => Wire.LoadBalancing.Types.Scope.Subzone,
        LocalityScope.Node => Wire.LoadBalancing.Types.Scope.Node,
        _ => Wire.LoadBalancing.Types.Scope.Network,
    };
}
