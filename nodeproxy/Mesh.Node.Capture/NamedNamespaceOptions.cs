namespace Mesh.Node.Capture;

/// <summary>A network namespace to capture that no orchestrator knows: a virtual machine's service, a container run by hand.</summary>
public sealed class NamedNamespaceOptions
{
    /// <summary>Its path, or a name under <c>/run/netns</c>.</summary>
    public required string Path { get; init; }

    /// <summary>The workload's name.</summary>
    public required string Name { get; init; }

    /// <summary>The workload's Kubernetes namespace.</summary>
    public string Namespace { get; set; } = "default";

    /// <summary>The workload's service account, the last part of its identity.</summary>
    public string ServiceAccount { get; set; } = "default";

    /// <summary>The UID it is handed over by; null for one made of namespace and name.</summary>
    public string? Uid { get; set; }
}
