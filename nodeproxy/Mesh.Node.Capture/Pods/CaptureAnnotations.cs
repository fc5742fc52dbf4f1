using Mesh.Api.Enrolment;

namespace Mesh.Node.Capture.Pods;

/// <summary>
/// The annotations of a pod that change how it is captured. They add to the node's options; none takes an exclusion back.
/// </summary>
public static class CaptureAnnotations
{
    /// <summary><c>tproxy</c> or <c>redirect</c>, in place of the node's mode.</summary>
    public const string Mode = "mesh-node.io/capture-mode";

    /// <summary><c>true</c>: connections to the pod are left alone. Ambient's name for it.</summary>
    public const string BypassInbound = "ambient.istio.io/bypass-inbound-capture";

    /// <summary><c>true</c> or <c>false</c>, in place of the node's option for DNS. Ambient's name for it.</summary>
    public const string CaptureDns = "ambient.istio.io/dns-capture";

    /// <summary>Ports of the pod that are not captured, separated by commas.</summary>
    public const string ExcludeInboundPorts = "mesh-node.io/exclude-inbound-ports";

    /// <summary>Sources that are not captured, as addresses or CIDRs separated by commas.</summary>
    public const string ExcludeInboundCidrs = "mesh-node.io/exclude-inbound-cidrs";

    /// <summary>Destination ports that are not captured, separated by commas.</summary>
    public const string ExcludeOutboundPorts = "mesh-node.io/exclude-outbound-ports";

    /// <summary>Destinations that are not captured, as addresses or CIDRs separated by commas.</summary>
    public const string ExcludeOutboundCidrs = "mesh-node.io/exclude-outbound-cidrs";

    /// <summary>As <see cref="ExcludeInboundPorts"/>, in the words of Istio's sidecars.</summary>
    public const string SidecarExcludeInboundPorts = "traffic.sidecar.istio.io/excludeInboundPorts";

    /// <summary>As <see cref="ExcludeOutboundPorts"/>, in the words of Istio's sidecars.</summary>
    public const string SidecarExcludeOutboundPorts = "traffic.sidecar.istio.io/excludeOutboundPorts";

    /// <summary>As <see cref="ExcludeOutboundCidrs"/>, in the words of Istio's sidecars.</summary>
    public const string SidecarExcludeOutboundCidrs = "traffic.sidecar.istio.io/excludeOutboundIPRanges";

    /// <summary>Whether an annotation concerns the mesh, and so is handed to the proxy. What the agent itself writes does not.</summary>
    public static bool IsRelevant(string name) =>
        name is not (CaptureRule.StandsAnnotation or CaptureRule.StandsMark)
        && (name.StartsWith("mesh-node.io/", StringComparison.Ordinal)
            || name.StartsWith("ambient.istio.io/", StringComparison.Ordinal)
            || name.StartsWith("traffic.sidecar.istio.io/", StringComparison.Ordinal));
}
