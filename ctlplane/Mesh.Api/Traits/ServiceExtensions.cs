namespace Mesh.Api.Traits;

/// <summary>Names of the extensions of <c>istio.workload.Service</c> that are this mesh's own.</summary>
public static class ServiceExtensions
{
    /// <summary>Carries a <see cref="ServiceEntryTraits"/>.</summary>
    public const string Entry = "mesh-node.io/entry";
}
