namespace Mesh.Node.Capture;

/// <summary>
/// Where the agent learns which pods of its node belong to the mesh. Section <c>kubernetes</c> of the node's configuration file.
/// </summary>
public sealed class KubernetesOptions
{
    /// <summary>Whether pods are read from the API server.</summary>
    public bool Enabled { get; set; }

    /// <summary>
    /// Its address, http or https; null for the one every pod is told (KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT).
    /// </summary>
    public string? Server { get; set; }

    /// <summary>File of the bearer token. Read again for every request.</summary>
    public string TokenFile { get; set; } = "/var/run/secrets/kubernetes.io/serviceaccount/token";

    /// <summary>PEM file of the roots the API server's certificate is verified against. Read again for every connection.</summary>
    public string RootCertificateFile { get; set; } = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

    /// <summary>The host's proc file system, where the processes of pods are found.</summary>
    public string HostProc { get; set; } = "/proc";

    /// <summary>Namespaces whose pods are never captured, besides kube-system. The control plane must be told the same.</summary>
    public IReadOnlyList<string> ExcludedNamespaces { get; set; } = [];
}
