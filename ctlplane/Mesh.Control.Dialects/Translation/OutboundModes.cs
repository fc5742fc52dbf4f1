using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// Where connections of a namespace's workloads may go (reference B.4): what the Sidecar says that is for the workload, else the one for
/// the namespace, else that of the root namespace. One Sidecar holds, whole: what it leaves out is as the mesh's configuration says. Of
/// several the oldest holds.
/// </summary>
/// <param name="sidecars">Those of the namespace.</param>
/// <param name="meshWide">What holds for the mesh.</param>
internal sealed class OutboundModes(IEnumerable<SidecarSpec> sidecars, MeshWideInputs meshWide)
{
    private readonly ImmutableArray<SidecarSpec> _sidecars = [.. InOrder(sidecars)];

    /// <summary>Oldest first.</summary>
    public static IEnumerable<SidecarSpec> InOrder(IEnumerable<SidecarSpec> sidecars) => sidecars
        .OrderBy(spec => spec.CreatedAt ?? DateTimeOffset.MaxValue)
        .ThenBy(spec => spec.Name, StringComparer.Ordinal);

    /// <summary>Whether a workload's connections go to what the mesh knows and nowhere else.</summary>
    public bool IsRegistryOnly(Labels labels)
    {
        SidecarSpec? holding = _sidecars.FirstOrDefault(spec => spec.Selector is { } selector && labels.Satisfy(selector))
            ?? _sidecars.FirstOrDefault(spec => spec.Selector is null);
        return (holding is null ? meshWide.SidecarIsRegistryOnly : holding.IsRegistryOnly) ?? meshWide.IsRegistryOnly;
    }
}
