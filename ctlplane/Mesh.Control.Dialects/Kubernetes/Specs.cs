using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Kubernetes;

/// <summary>A namespace as written: only its labels matter here.</summary>
internal sealed record NamespaceSpec(string Name, Labels Labels);

/// <summary>A node as written: where it stands, and what addresses it has.</summary>
internal sealed record NodeSpec(string Name, Locality Locality, ImmutableArray<IPAddress> Addresses);

/// <summary>A service account as written: that it exists.</summary>
internal sealed record ServiceAccountSpec(string Namespace, string Name);

/// <summary>A pod as written, reduced to what traffic depends on.</summary>
internal sealed record PodSpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required Labels Labels { get; init; }

    public required Labels Annotations { get; init; }

    public required string ServiceAccount { get; init; }

    /// <summary>Empty until scheduled.</summary>
    public required string Node { get; init; }

    public required bool IsHostNetwork { get; init; }

    /// <summary>Empty until the pod has been given addresses.</summary>
    public required ImmutableArray<IPAddress> Addresses { get; init; }

    /// <summary>Ran to its end: neither an endpoint nor somebody who needs an identity.</summary>
    public required bool IsFinished { get; init; }

    public required bool IsReady { get; init; }

    public required PodController? Controller { get; init; }

    public required ImmutableArray<ContainerPort> NamedPorts { get; init; }
}

/// <summary>A NetworkPolicy as written, reduced to whom it selects.</summary>
/// <param name="Namespace">The namespace whose pods it may select.</param>
/// <param name="Selector">Which of them.</param>
/// <param name="IsIngress">It restricts connections to them.</param>
/// <param name="IsEgress">It restricts connections from them.</param>
internal sealed record NetworkPolicySpec(string Namespace, LabelSelector Selector, bool IsIngress, bool IsEgress);

internal sealed record PodController(string Kind, string Name);

internal readonly record struct ContainerPort(string Name, int Port);

internal sealed record ServiceSpec
{
    public required RawObject Source { get; init; }

    public required string Namespace { get; init; }

    public required string Name { get; init; }

    /// <summary>Null: endpoints are somebody else's business.</summary>
    public required Labels? Selector { get; init; }

    public required ImmutableArray<IPAddress> ClusterAddresses { get; init; }

    public required AddressFamilies Families { get; init; }

    public required ImmutableArray<ServicePortSpec> Ports { get; init; }

    /// <summary>Numbers of those of UDP and SCTP.</summary>
    public required ImmutableArray<int> UncarriedPorts { get; init; }

    /// <summary>Its clusterIP is None.</summary>
    public required bool IsHeadless { get; init; }

    public required EndpointPreference Preference { get; init; }
}

/// <param name="Name">Empty where there is only one.</param>
/// <param name="Port">What clients dial.</param>
/// <param name="TargetPort">Number, or 0 when <paramref name="TargetPortName"/> says it.</param>
/// <param name="TargetPortName">Name of a container port, or empty.</param>
/// <param name="Protocol">What is spoken.</param>
internal sealed record ServicePortSpec(string Name, int Port, int TargetPort, string TargetPortName, ApplicationProtocol Protocol);
