using Mesh.Node.Model;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>The next configuration while one response is applied to it. The writer's thread only.</summary>
internal sealed class ResourceDraft(MeshSnapshot from)
{
    public MeshSnapshot.Builder Mesh { get; } = from.ToBuilder();

    public TrustMaterial Trust { get; set; } = TrustMaterial.Empty;

    /// <summary>What this response changed.</summary>
    public HashSet<string> Workloads { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc cref="Workloads"/>
    public HashSet<string> Services { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc cref="Workloads"/>
    public HashSet<string> Policies { get; } = new(StringComparer.Ordinal);

    /// <inheritdoc cref="Workloads"/>
    public HashSet<string> Traffic { get; } = new(StringComparer.Ordinal);

    public bool HasChanges => Workloads.Count + Services.Count + Policies.Count + Traffic.Count > 0;

    public void ForgetChanges()
    {
        Workloads.Clear();
        Services.Clear();
        Policies.Clear();
        Traffic.Clear();
    }
}
