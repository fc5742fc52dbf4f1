using Mesh.Api.Identity;

namespace Mesh.Control.Dialects;

/// <summary>What the whole mesh has in common.</summary>
public sealed record TranslationOptions
{
    /// <summary>First part of every workload's uid. Default <c>Kubernetes</c>.</summary>
    public string Cluster { get; init; } = "Kubernetes";

    /// <summary>Suffix of service host names. Default <c>cluster.local</c>.</summary>
    public string ClusterDomain { get; init; } = "cluster.local";

    public TrustDomain TrustDomain { get; init; } = TrustDomain.Default;

    /// <summary>The namespace whose policies hold for the whole mesh. Default <c>istio-system</c>.</summary>
    public string RootNamespace { get; init; } = "istio-system";

    /// <summary>The network workloads are on unless they say otherwise. Default: the one without a name.</summary>
    public string Network { get; init; } = string.Empty;

    /// <summary>Namespaces whose pods are never captured, besides kube-system. Default none. Every agent must be told the same.</summary>
    public IReadOnlyCollection<string> ExcludedNamespaces { get; init; } = [];

    /// <summary>
    /// Whether a pod that is to be captured is reached by HBONE only once the agent of its node has said on it that it is. Default no:
    /// where nobody says so, a label has to do.
    /// </summary>
    public bool AwaitsCapture { get; init; }
}
