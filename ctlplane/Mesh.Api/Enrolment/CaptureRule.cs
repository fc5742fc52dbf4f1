namespace Mesh.Api.Enrolment;

/// <summary>
/// Whether a pod belongs to the mesh. The one rule of both planes: what the agent of a node captures is what the control plane tells
/// others to reach by HBONE. Pure.
/// </summary>
/// <remarks>
/// The pod is asked before its namespace, our own label before Istio's, and Istio's before Consul's. A word nobody knows says nothing.
/// </remarks>
public static class CaptureRule
{
    /// <summary>Label of pods and namespaces: <c>enabled</c> or <c>disabled</c>.</summary>
    public const string OwnLabel = "mesh-node.io/capture";

    /// <summary>The same in Istio's words: <c>ambient</c> or <c>none</c>.</summary>
    public const string IstioLabel = "istio.io/dataplane-mode";

    /// <summary>The same in Consul's, <c>true</c> or <c>false</c>: an annotation or a label of pods, a label of namespaces.</summary>
    public const string ConsulName = "consul.hashicorp.com/connect-inject";

    /// <summary>Label of pods that speak HBONE themselves: <c>http</c>.</summary>
    public const string TunnelLabel = "networking.istio.io/tunnel";

    /// <summary>Annotation of pods with a sidecar of Istio's.</summary>
    public const string SidecarAnnotation = "sidecar.istio.io/status";

    /// <summary>
    /// Annotation of pods whose capture stands, written by the agent of their node (Istio's writes the same): <see cref="Stands"/>.
    /// </summary>
    public const string StandsAnnotation = "ambient.istio.io/redirection";

    /// <summary>What <see cref="StandsAnnotation"/> says while a pod can be reached by HBONE.</summary>
    public const string Stands = "enabled";

    /// <summary>
    /// Annotation beside <see cref="StandsAnnotation"/> where our agent wrote that, <c>true</c>: what another mesh's agent says is not
    /// ours to take back.
    /// </summary>
    public const string StandsMark = "mesh-node.io/captured";

    /// <summary>Label of the mesh's own pods, with the value <see cref="OwnPart"/>.</summary>
    public const string PartLabel = "app.kubernetes.io/part-of";

    /// <summary>What <see cref="PartLabel"/> says of the mesh's own pods.</summary>
    public const string OwnPart = "mesh-node";

    /// <summary>The namespace whose pods are never captured, whatever else is excluded.</summary>
    public const string SystemNamespace = "kube-system";

    /// <summary>What becomes of a pod, and why.</summary>
    public static CaptureVerdict Of(in CaptureSubject pod)
    {
        if (pod.IsFinished)
        {
            return CaptureVerdict.Finished;
        }

        if (pod.IsHostNetwork)
        {
            return CaptureVerdict.HostNetwork;
        }

        if (pod.Annotation(SidecarAnnotation) is not null)
        {
            return CaptureVerdict.Sidecar;
        }

        if (pod.Label(TunnelLabel) == "http")
        {
            return CaptureVerdict.NativeTunnel;
        }

        if (pod.Label(PartLabel) == OwnPart)
        {
            return CaptureVerdict.MeshItself;
        }

        if (pod.Namespace == SystemNamespace || pod.ExcludedNamespaces.Contains(pod.Namespace))
        {
            return CaptureVerdict.ExcludedNamespace;
        }

        bool? asked = Asked(pod.Label) ?? OfConsul(pod.Annotation(ConsulName)) ?? Asked(pod.NamespaceLabel);
        return asked switch
        {
            true => CaptureVerdict.Captured,
            false => CaptureVerdict.Declined,
            null => CaptureVerdict.NotAsked,
        };
    }

    /// <returns>What labels ask for; null when they say nothing, or something nobody understands.</returns>
    public static bool? Asked(Func<string, string?> label) =>
        Read(label(OwnLabel), "enabled", "disabled") ?? Read(label(IstioLabel), "ambient", "none") ?? OfConsul(label(ConsulName));

    private static bool? OfConsul(string? word) => Read(word, "true", "false");

    private static bool? Read(string? word, string yes, string no) => word == yes ? true : word == no ? false : null;
}
