using System.Collections.Frozen;
using System.Text.Json.Nodes;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cli.Installation;

/// <summary>Where the API server keeps the kinds that are installed.</summary>
internal static class ClusterKinds
{
    public const string Definition = "CustomResourceDefinition";

    private static readonly FrozenDictionary<string, string> s_plurals = new Dictionary<string, string>
    {
        ["Namespace"] = "namespaces",
        [Definition] = "customresourcedefinitions",
        ["ServiceAccount"] = "serviceaccounts",
        ["Role"] = "roles",
        ["ClusterRole"] = "clusterroles",
        ["RoleBinding"] = "rolebindings",
        ["ClusterRoleBinding"] = "clusterrolebindings",
        ["ConfigMap"] = "configmaps",
        ["Service"] = "services",
        ["PriorityClass"] = "priorityclasses",
        ["ResourceQuota"] = "resourcequotas",
        ["PodDisruptionBudget"] = "poddisruptionbudgets",
        ["StatefulSet"] = "statefulsets",
        ["DaemonSet"] = "daemonsets",
        ["NetworkPolicy"] = "networkpolicies",
        ["ValidatingAdmissionPolicy"] = "validatingadmissionpolicies",
        ["ValidatingAdmissionPolicyBinding"] = "validatingadmissionpolicybindings",
        ["ValidatingWebhookConfiguration"] = "validatingwebhookconfigurations",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The path of an object that is installed.</summary>
    public static string PathOf(JsonObject manifest) => KubernetesObjects.PathOf(
        TextOf(manifest["apiVersion"]), s_plurals[KindOf(manifest)], TextOf(manifest["metadata"]!["namespace"]), NameOf(manifest));

    public static string KindOf(JsonObject manifest) => TextOf(manifest["kind"]);

    public static string NameOf(JsonObject manifest) => TextOf(manifest["metadata"]!["name"]);

    private static string TextOf(JsonNode? node) => node?.GetValue<string>() ?? string.Empty;
}
