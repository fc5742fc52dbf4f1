using System.Collections.Immutable;
using System.Net;
using Mesh.Api.Identity;

namespace Mesh.Node.Model.Workloads;

/// <summary>
/// Something that runs and has an identity: a pod, a virtual machine, an external endpoint. Immutable; replaced whole when it changes, so
/// two different instances of one <see cref="Uid"/> are two versions.
/// </summary>
public sealed record Workload
{
    /// <summary>Unique across the mesh; the resource name.</summary>
    public required string Uid { get; init; }

    public required string Name { get; init; }

    public required string Namespace { get; init; }

    /// <summary>Who the workload is to its peers: trust domain, namespace and service account.</summary>
    public required SpiffeId Identity { get; init; }

    /// <summary>Empty when the endpoint has only a <see cref="Hostname"/>.</summary>
    public ImmutableArray<IPAddress> Addresses { get; init; } = [];

    /// <summary>The network the addresses belong to; empty is the default network.</summary>
    public string Network { get; init; } = "";

    public string ClusterId { get; init; } = "";

    /// <summary>The node it runs on; empty when unknown.</summary>
    public string Node { get; init; } = "";

    public Locality Locality { get; init; } = Locality.Unknown;

    /// <summary>How peers must reach it.</summary>
    public TunnelProtocol TunnelProtocol { get; init; }

    /// <summary>The application itself speaks HBONE: there is no proxy in front of it.</summary>
    public bool HasNativeTunnel { get; init; }

    /// <summary>Host-network workloads share the node's address, so they are never found by address.</summary>
    public bool IsHostNetwork { get; init; }

    public bool IsHealthy { get; init; } = true;

    /// <summary>Weight in endpoint choice; 0 takes no traffic.</summary>
    public uint Capacity { get; init; } = 1;

    /// <summary>To be resolved where there is no address; null otherwise.</summary>
    public string? Hostname { get; init; }

    public string CanonicalName { get; init; } = "";

    public string CanonicalRevision { get; init; } = "";

    /// <summary>The controller's kind and name: what metrics group by.</summary>
    public WorkloadType Type { get; init; }

    public string ControllerName { get; init; } = "";

    /// <summary>namespace/name of the selector policies that apply here, in the order the control plane gave.</summary>
    public ImmutableArray<string> AuthorizationPolicies { get; init; } = [];

    /// <summary>The services this is an endpoint of.</summary>
    public ImmutableArray<ServiceMembership> Services { get; init; } = [];

    /// <summary>Where traffic to this workload must pass first. A path that cannot obey refuses by this name.</summary>
    public GatewayAddress? Waypoint { get; init; }

    /// <summary>How another network's workload is reached. A path that cannot obey refuses by this name.</summary>
    public GatewayAddress? NetworkGateway { get; init; }

    /// <summary>How the application expects its traffic inside the pod. A path that cannot obey refuses by this name.</summary>
    public ApplicationTunnel? ApplicationTunnel { get; init; }

    /// <summary>What NetworkPolicies restrict of its connections; null when the control plane does not say.</summary>
    public NetworkPolicyReach? NetworkPolicies { get; init; }

    /// <summary>Its connections may go to what the mesh knows and nowhere else.</summary>
    public bool IsRegistryOnly { get; init; }

    /// <summary>Whether its requests have lines in the log of its node.</summary>
    public RequestLogging Logging { get; init; }

    /// <summary>The ports this workload has for a service; null when it is not an endpoint of it.</summary>
    public ServiceMembership? MembershipOf(string serviceKey)
    {
        foreach (ServiceMembership membership in Services)
        {
            if (string.Equals(membership.ServiceKey, serviceKey, StringComparison.Ordinal))
            {
                return membership;
            }
        }

        return null;
    }

    public override string ToString() => Uid;
}

/// <summary>That a workload is an endpoint of a service, and the ports it has for it.</summary>
/// <param name="ServiceKey">namespace/hostname.</param>
/// <param name="Ports">Target ports that differ from, or complete, the service's own.</param>
public sealed record ServiceMembership(string ServiceKey, ImmutableArray<ServicePort> Ports)
{
    /// <summary>Keys of the service's subsets that the workload is in (<see cref="Traffic.TrafficSubset.Key"/>).</summary>
    public ImmutableArray<string> Subsets { get; init; } = [];

    /// <summary>The endpoint's own target for a service port; 0 when it does not say.</summary>
    public ushort TargetPortOf(ushort servicePort)
    {
        foreach (ServicePort port in Ports)
        {
            if (port.Port == servicePort)
            {
                return port.TargetPort;
            }
        }

        return 0;
    }
}

/// <summary>One port of a service.</summary>
/// <param name="Port">What clients dial, 1 to 65535.</param>
/// <param name="TargetPort">What endpoints listen on; 0 where it is named and differs by endpoint.</param>
/// <param name="Protocol">What is spoken there, as far as declared.</param>
public readonly record struct ServicePort(ushort Port, ushort TargetPort, PortProtocol Protocol);

/// <summary>Where a workload runs; each part may be empty.</summary>
public sealed record Locality(string Region, string Zone, string Subzone)
{
    public static Locality Unknown { get; } = new("", "", "");
}

/// <summary>What NetworkPolicies restrict of a workload's connections.</summary>
[Flags]
public enum NetworkPolicyReach
{
    None = 0,

    /// <summary>Connections to it.</summary>
    Ingress = 1,

    /// <summary>Connections from it.</summary>
    Egress = 2,
}

/// <summary>The protocol a workload receives traffic in.</summary>
public enum TunnelProtocol
{
    None,
    Hbone,
}

/// <summary>The kind of controller a workload belongs to.</summary>
public enum WorkloadType
{
    Deployment,
    CronJob,
    Pod,
    Job,
}

/// <summary>What is spoken at a port, as far as declared.</summary>
public enum PortProtocol
{
    /// <summary>Nothing was declared: the client's first bytes tell, within a time limit.</summary>
    Detect,

    /// <summary>HTTP/1.1, or HTTP/2 when the client begins with its preface.</summary>
    Http,
    Http2,
    Grpc,
    Tcp,

    /// <summary>The application's own TLS, which is passed through.</summary>
    Tls,
}

/// <summary>How an application inside the pod wants its traffic.</summary>
public sealed record ApplicationTunnel(ApplicationTunnelProtocol Protocol, ushort Port);

/// <summary>What stands before the bytes on an application tunnel.</summary>
public enum ApplicationTunnelProtocol
{
    None,

    /// <summary>PROXY protocol version 2.</summary>
    Proxy,
}
