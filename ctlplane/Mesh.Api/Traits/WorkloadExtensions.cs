namespace Mesh.Api.Traits;

/// <summary>Names of the extensions of <c>istio.workload.Workload</c> that are this mesh's own.</summary>
public static class WorkloadExtensions
{
    /// <summary>Carries a <see cref="WorkloadTraits"/>.</summary>
    public const string Traits = "mesh-node.io/traits";

    /// <summary>Carries a <see cref="WorkloadSubsets"/>.</summary>
    public const string Subsets = "mesh-node.io/subsets";
}
