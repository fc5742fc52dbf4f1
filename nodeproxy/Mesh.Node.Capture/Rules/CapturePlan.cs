using System.Collections.Immutable;
using System.Net;

namespace Mesh.Node.Capture.Rules;

/// <summary>
/// What the rules of one namespace are to do: the options of the node with the annotations of the pod, checked and in order.
/// </summary>
public sealed record CapturePlan
{
    /// <summary>How connections reach the proxy.</summary>
    public required CaptureMode Mode { get; init; }

    /// <summary>Whether inbound connections are left alone, for a pod that is itself the gateway (ambient's "ingress mode").</summary>
    public bool BypassInbound { get; init; }

    /// <summary>Whether what the pod asks of DNS servers (port 53, UDP and TCP) goes to the proxy's own port for it.</summary>
    public bool CapturesDns { get; init; }

    /// <summary>Destinations that are not captured outbound.</summary>
    public ImmutableArray<IPNetwork> ExcludedOutboundNetworks { get; init; } = [];

    /// <summary>Destination ports that are not captured outbound.</summary>
    public ImmutableArray<ushort> ExcludedOutboundPorts { get; init; } = [];

    /// <summary>Sources that are not captured inbound.</summary>
    public ImmutableArray<IPNetwork> ExcludedInboundNetworks { get; init; } = [];

    /// <summary>The pod's ports that are not captured.</summary>
    public ImmutableArray<ushort> ExcludedInboundPorts { get; init; } = [];

    /// <summary>Which stage of its stay in the mesh the namespace is in.</summary>
    public CaptureStage Stage { get; init; } = CaptureStage.Capturing;
}
