using System.Collections.Immutable;
using System.Net;

namespace Mesh.Control.Model.Canonical;

/// <summary>How traffic reaches a workload.</summary>
public enum TunnelProtocol
{
    /// <summary>As it is: nobody on the other side speaks anything else.</summary>
    None,

    /// <summary>Mutual TLS with HTTP/2 CONNECT, on port 15008.</summary>
    Hbone,
}

/// <summary>The controller a workload belongs to, as far as telemetry tells them apart.</summary>
public enum WorkloadController
{
    Deployment,
    CronJob,
    Pod,
    Job,
}

/// <summary>What NetworkPolicies restrict of a pod's connections.</summary>
[Flags]
public enum NetworkPolicyReach
{
    None = 0,

    /// <summary>Connections to it.</summary>
    Ingress = 1,

    /// <summary>Connections from it.</summary>
    Egress = 2,
}

/// <summary>Where a workload runs, from wide to narrow. Empty parts are unknown.</summary>
public sealed record Locality(string Region, string Zone, string Subzone)
{
    public static Locality Unknown { get; } = new(string.Empty, string.Empty, string.Empty);
}

/// <summary>A service a workload is an endpoint of, and the port each service port leads to.</summary>
public sealed record WorkloadService(ServiceKey Service, ImmutableArray<EndpointPort> Ports)
{
    /// <summary>Keys of the service's subsets that the workload is in, ordered.</summary>
    public ImmutableArray<string> Subsets { get; init; } = [];
}

/// <param name="ServicePort">1 to 65535.</param>
/// <param name="TargetPort">1 to 65535.</param>
/// <param name="Protocol">What the service says is spoken there.</param>
public sealed record EndpointPort(int ServicePort, int TargetPort, ApplicationProtocol Protocol);

/// <summary>Something that runs and has an identity: a pod, a virtual machine, an external endpoint. Immutable.</summary>
public sealed record Workload
{
    /// <summary>Unique across the mesh; also the name of the resource proxies see.</summary>
    public required string Uid { get; init; }

    public required string Name { get; init; }

    public required string Namespace { get; init; }

    /// <summary>Empty where there is a <see cref="Hostname"/>.</summary>
    public required ImmutableArray<IPAddress> Addresses { get; init; }

    /// <summary>To be looked up by proxies, where there is no address; null otherwise.</summary>
    public string? Hostname { get; init; }

    public string Network { get; init; } = string.Empty;

    public TunnelProtocol Tunnel { get; init; }

    /// <summary>The application itself speaks HBONE.</summary>
    public bool IsNativeTunnel { get; init; }

    public required string ServiceAccount { get; init; }

    /// <summary>Name of the node it runs on; empty when unknown.</summary>
    public string Node { get; init; } = string.Empty;

    public required string CanonicalName { get; init; }

    public required string CanonicalRevision { get; init; }

    public WorkloadController Controller { get; init; } = WorkloadController.Pod;

    public required string ControllerName { get; init; }

    public bool IsHealthy { get; init; } = true;

    public bool IsHostNetwork { get; init; }

    public Locality Locality { get; init; } = Locality.Unknown;

    /// <summary>What NetworkPolicies restrict; null for what is no pod, of which nothing is known.</summary>
    public NetworkPolicyReach? NetworkPolicies { get; init; }

    /// <summary>Its connections may go to what the mesh knows and nowhere else.</summary>
    public bool IsRegistryOnly { get; init; }

    public RequestLogging Logging { get; init; }

    /// <summary>Share of traffic relative to other endpoints; null means 1.</summary>
    public int? Weight { get; init; }

    /// <summary>In the order of the services' names.</summary>
    public ImmutableArray<WorkloadService> Services { get; init; } = [];

    /// <summary>Policies that select this workload, <c>namespace/name</c>, ordered. Policies of wider scope are not listed.</summary>
    public ImmutableArray<string> Policies { get; init; } = [];
}
