using System.Net;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Balancing;

/// <summary>Where a connection to a service goes, or why it goes nowhere.</summary>
public readonly record struct EndpointChoice
{
    public required EndpointStatus Status { get; init; }

    /// <summary>Set when the status names one: picked, behind a gateway, or to be resolved.</summary>
    public Workload? Workload { get; init; }

    /// <summary>The endpoint's address, of the family the client asked for where it has one; set only when picked.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The application's port at the endpoint; set whenever <see cref="Workload"/> is.</summary>
    public ushort TargetPort { get; init; }
}

/// <inheritdoc cref="EndpointChoice"/>
public enum EndpointStatus
{
    /// <summary>The service is not in the snapshot.</summary>
    UnknownService,

    /// <summary>The service does not declare the port.</summary>
    UnknownPort,

    /// <summary>Nobody has said which of the service's endpoints the subset is.</summary>
    UnknownSubset,

    /// <summary>No endpoint serves the port in a permitted address family.</summary>
    NoEndpoint,

    /// <summary>Endpoints serve the port and none of them is healthy and has capacity.</summary>
    NoHealthyEndpoint,

    /// <summary>Healthy endpoints exist and none agrees in every scope the service demands.</summary>
    NoEndpointInScope,

    /// <summary>Healthy endpoints exist only in networks there is no way to.</summary>
    UnreachableNetwork,

    /// <summary>Healthy endpoints exist only behind another network's gateway; the workload is one of them.</summary>
    BehindNetworkGateway,

    /// <summary>The endpoint has a hostname in place of an address; the caller resolves it or refuses.</summary>
    NeedsResolution,

    /// <summary>The service wants the address the client dialled and no choice made.</summary>
    Passthrough,
    Picked,
}
