namespace Mesh.Node.Proxy.Pods;

/// <summary>Who a local pod is, as the agent attested it. The trust domain follows with the workload from the control plane.</summary>
/// <param name="Uid">Kubernetes pod UID, or the lab's.</param>
/// <param name="Name">Pod name.</param>
/// <param name="Namespace">Kubernetes namespace.</param>
/// <param name="ServiceAccount">Service account; never empty.</param>
public sealed record PodIdentity(string Uid, string Name, string Namespace, string ServiceAccount)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Namespace}/{Name}";
}
