using System.Collections.Frozen;
using Mesh.Node.Model;

namespace Mesh.Node.Proxy.Config;

/// <summary>From one snapshot to the next, and what is different between them.</summary>
/// <param name="Previous">What was in force.</param>
/// <param name="Current">What is in force now.</param>
/// <param name="Workloads">Uids of workloads that came, went or changed.</param>
/// <param name="Services">Keys (namespace/hostname) of services that came, went or changed themselves; not those whose endpoints
/// did.</param>
/// <param name="Policies">Keys (namespace/name) of policies that came, went or changed.</param>
/// <param name="Traffic">Keys (namespace/hostname) of services whose routes, subsets or traffic policies came, went or changed.</param>
public sealed record ConfigurationChange(
    MeshSnapshot Previous,
    MeshSnapshot Current,
    FrozenSet<string> Workloads,
    FrozenSet<string> Services,
    FrozenSet<string> Policies,
    FrozenSet<string> Traffic)
{
    /// <summary>True for the one change that made the configuration complete: what waited may now be decided.</summary>
    public bool BecameComplete => Current.IsComplete && !Previous.IsComplete;
}
