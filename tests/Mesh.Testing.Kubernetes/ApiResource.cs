namespace Mesh.Testing.Kubernetes;

/// <summary>A kind the API server serves.</summary>
public sealed record ApiResource(string Group, string Version, string Plural, string Kind, bool IsNamespaced = true)
{
    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <summary>Those every API server has.</summary>
    public static IReadOnlyList<ApiResource> BuiltIn { get; } =
    [
        new(string.Empty, "v1", "namespaces", "Namespace", IsNamespaced: false),
        new(string.Empty, "v1", "nodes", "Node", IsNamespaced: false),
        new(string.Empty, "v1", "pods", "Pod"),
        new(string.Empty, "v1", "services", "Service"),
        new(string.Empty, "v1", "serviceaccounts", "ServiceAccount"),
        new(string.Empty, "v1", "configmaps", "ConfigMap"),
        new(string.Empty, "v1", "secrets", "Secret"),
        new("coordination.k8s.io", "v1", "leases", "Lease"),
        new("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", IsNamespaced: false),
        new("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice"),
        new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    ];

    public static ApiResource Istio(string group, string plural, string kind, string version = "v1") => new(group, version, plural, kind);
}
