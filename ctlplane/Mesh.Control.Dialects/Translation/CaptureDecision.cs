using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// Whether a workload's traffic goes through a proxy of this mesh. Our own label is asked before Istio's, the pod before its namespace. A
/// pod in the node's network, or with a sidecar of its own, is never captured.
/// </summary>
internal static class CaptureDecision
{
    public const string OwnLabel = "mesh-node.io/capture";
    public const string IstioLabel = "istio.io/dataplane-mode";
    public const string TunnelLabel = "networking.istio.io/tunnel";

    private const string SidecarAnnotation = "sidecar.istio.io/status";

    public static (TunnelProtocol Tunnel, bool IsNative) Of(PodSpec pod, Labels namespaceLabels)
    {
        if (pod.IsHostNetwork || pod.Annotations.Find(SidecarAnnotation) is not null)
        {
            return (TunnelProtocol.None, false);
        }

        if (pod.Labels.Find(TunnelLabel) == "http")
        {
            return (TunnelProtocol.Hbone, true);
        }

        return (Asked(pod.Labels) ?? Asked(namespaceLabels)) == true ? (TunnelProtocol.Hbone, false) : (TunnelProtocol.None, false);
    }

    /// <summary>A workload that is not a pod says so itself: its namespace says nothing about what runs on its machine.</summary>
    public static (TunnelProtocol Tunnel, bool IsNative) Of(Labels entryLabels)
    {
        if (entryLabels.Find(TunnelLabel) == "http")
        {
            return (TunnelProtocol.Hbone, true);
        }

        return Asked(entryLabels) == true ? (TunnelProtocol.Hbone, false) : (TunnelProtocol.None, false);
    }

    /// <returns>Null when nothing is said, or something nobody understands.</returns>
    public static bool? Asked(Labels labels) => labels.Find(OwnLabel) switch
    {
        "enabled" => true,
        "disabled" => false,
        _ => labels.Find(IstioLabel) switch
        {
            "ambient" => true,
            "none" => false,
            _ => null,
        },
    };
}
