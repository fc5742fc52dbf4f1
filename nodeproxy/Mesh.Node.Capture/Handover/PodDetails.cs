using System.Net;

namespace Mesh.Node.Capture.Handover;

/// <summary>What the agent tells of a pod beyond who it is. Immutable.</summary>
/// <param name="Addresses">The pod's own.</param>
/// <param name="NodeAddresses">The node's own, from which probes come.</param>
/// <param name="Probes">What the pod declares.</param>
/// <param name="CaptureMode">How its connections reach the proxy.</param>
/// <param name="Annotations">Those of its annotations that concern the mesh.</param>
public sealed record PodDetails(
    IReadOnlyList<IPAddress> Addresses,
    IReadOnlyList<IPAddress> NodeAddresses,
    IReadOnlyList<PodProbe> Probes,
    CaptureMode CaptureMode,
    IReadOnlyDictionary<string, string> Annotations)
{
    /// <summary>Of a pod from an agent that tells nothing, which is Istio's: its rules redirect.</summary>
    public static PodDetails Untold { get; } = new([], [], [], CaptureMode.Redirect, new Dictionary<string, string>());
}
