using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Metadata;

/// <summary>
/// IST0107, IST0108 and IST0125: annotations of Istio's exist, stand where they have an effect and say something readable.
/// </summary>
internal sealed class Annotations : IRule
{
    /// <summary>Name → where it has an effect, and the values it may have where those are few.</summary>
    private static readonly Dictionary<string, (string[] Kinds, string[] Values)> s_known = new(StringComparer.Ordinal)
    {
        ["sidecar.istio.io/inject"] = ([Kinds.Pod], ["true", "false"]),
        ["sidecar.istio.io/status"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/rewriteAppHTTPProbers"] = ([Kinds.Pod], ["true", "false"]),
        ["sidecar.istio.io/interceptionMode"] = ([Kinds.Pod], ["REDIRECT", "TPROXY", "NONE"]),
        ["sidecar.istio.io/proxyImage"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/proxyCPU"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/proxyMemory"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/proxyCPULimit"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/proxyMemoryLimit"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/logLevel"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/userVolume"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/userVolumeMount"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/discoveryAddress"] = ([Kinds.Pod], []),
        ["sidecar.istio.io/statsInclusionPrefixes"] = ([Kinds.Pod], []),
        ["traffic.sidecar.istio.io/includeInboundPorts"] = ([Kinds.Pod], []),
        ["traffic.sidecar.istio.io/excludeInboundPorts"] = ([Kinds.Pod], []),
        ["traffic.sidecar.istio.io/includeOutboundPorts"] = ([Kinds.Pod], []),
        ["traffic.sidecar.istio.io/excludeOutboundPorts"] = ([Kinds.Pod], []),
        ["traffic.sidecar.istio.io/includeOutboundIPRanges"] = ([Kinds.Pod], []),
        ["traffic.sidecar.istio.io/excludeOutboundIPRanges"] = ([Kinds.Pod], []),
        ["traffic.sidecar.istio.io/kubevirtInterfaces"] = ([Kinds.Pod], []),
        ["proxy.istio.io/config"] = ([Kinds.Pod], []),
        ["proxy.istio.io/overrides"] = ([Kinds.Pod], []),
        ["inject.istio.io/templates"] = ([Kinds.Pod], []),
        ["ambient.istio.io/redirection"] = ([Kinds.Pod], ["enabled", "disabled"]),
        ["networking.istio.io/exportTo"] = ([Kinds.Service], []),
        ["networking.istio.io/traffic-distribution"] = ([Kinds.Service, Kinds.Namespace, Kinds.ServiceEntry], []),
        ["networking.istio.io/address-type"] = ([Kinds.KubernetesGateway], []),
        ["networking.istio.io/service-type"] = ([Kinds.KubernetesGateway], ["ClusterIP", "LoadBalancer", "NodePort"]),
        ["alpha.istio.io/identity"] = ([Kinds.ServiceAccount], []),
        ["alpha.istio.io/kubernetes-serviceaccounts"] = ([Kinds.Service], []),
        ["alpha.istio.io/canonical-serviceaccounts"] = ([Kinds.Service], []),
        ["istio.io/dry-run"] = ([Kinds.AuthorizationPolicy], ["true", "false"]),
        ["istio.io/rev"] = ([], []),
        ["topology.istio.io/controlPlaneClusters"] = ([Kinds.Namespace], []),
    };

    public IEnumerable<Diagnostic> Find(MeshInput mesh) => mesh.Subjects(mesh.All).SelectMany(entry => Check(
        entry, Kinds.Of(entry.Source.Key), entry.Metadata["annotations"]).Concat(
        Kinds.PodMakers.Contains(Kinds.Of(entry.Source.Key))
            ? Check(entry, Kinds.Pod, entry.Spec["template"]["metadata"]["annotations"])
            : []));

    private static IEnumerable<Diagnostic> Check(Entry entry, string kind, Field annotations)
    {
        foreach (Field annotation in annotations.Entries.Where(annotation => IsOfIstio(annotation.Key)))
        {
            if (!s_known.TryGetValue(annotation.Key, out (string[] Kinds, string[] Values) known))
            {
                yield return DiagnosticCodes.UnknownAnnotation.At(entry, annotation, $"There is no annotation {annotation.Key}.");
            }
            else if (known.Kinds.Length > 0 && !known.Kinds.Contains(kind))
            {
                string where = string.Join(" or ", known.Kinds.Select(name => name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..]));
                yield return DiagnosticCodes.MisplacedAnnotation.At(
                    entry, annotation, $"The annotation {annotation.Key} is for a {where}.");
            }
            else if (known.Values.Length > 0 && annotation.Text.Length > 0 && !known.Values.Contains(annotation.Text))
            {
                yield return DiagnosticCodes.InvalidAnnotation.At(
                    entry,
                    annotation,
                    $"The annotation {annotation.Key} is \"{annotation.Text}\", which is none of {string.Join(", ", known.Values)}.");
            }
        }
    }

    private static bool IsOfIstio(string name)
    {
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && (name.AsSpan(0, slash).SequenceEqual("istio.io") || name.AsSpan(0, slash).EndsWith(".istio.io"));
    }
}
