using Mesh.Api.Enrolment;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>Whether a workload's traffic goes through a proxy of this mesh. Of pods <see cref="CaptureRule"/> decides.</summary>
internal static class CaptureDecision
{
    public static (TunnelProtocol Tunnel, bool IsNative) Of(PodSpec pod, Labels namespaceLabels, TranslationOptions options) =>
        CaptureRule.Of(SubjectOf(pod, namespaceLabels, options)) switch
        {
            CaptureVerdict.Captured when IsAwaited(pod, options) => (TunnelProtocol.None, false),
            CaptureVerdict.Captured => (TunnelProtocol.Hbone, false),
            CaptureVerdict.NativeTunnel => (TunnelProtocol.Hbone, true),
            _ => (TunnelProtocol.None, false),
        };

    /// <summary>A workload that is not a pod says so itself: its namespace says nothing about what runs on its machine.</summary>
    public static (TunnelProtocol Tunnel, bool IsNative) Of(Labels entryLabels)
    {
        if (entryLabels.Find(CaptureRule.TunnelLabel) == "http")
        {
            return (TunnelProtocol.Hbone, true);
        }

        return CaptureRule.Asked(entryLabels.Find) == true ? (TunnelProtocol.Hbone, false) : (TunnelProtocol.None, false);
    }

    /// <summary>Whether the pod is to be captured, and nobody has said yet that it is.</summary>
    public static bool IsAwaited(PodSpec pod, Labels namespaceLabels, TranslationOptions options) =>
        IsAwaited(pod, options) && CaptureRule.Of(SubjectOf(pod, namespaceLabels, options)) == CaptureVerdict.Captured;

    private static bool IsAwaited(PodSpec pod, TranslationOptions options) =>
        options.AwaitsCapture && pod.Annotations.Find(CaptureRule.StandsAnnotation) != CaptureRule.Stands;

    private static CaptureSubject SubjectOf(PodSpec pod, Labels namespaceLabels, TranslationOptions options) => new(
        pod.Namespace,
        pod.Labels.Find,
        pod.Annotations.Find,
        namespaceLabels.Find,
        pod.IsHostNetwork,
        pod.IsFinished,
        options.ExcludedNamespaces);
}
