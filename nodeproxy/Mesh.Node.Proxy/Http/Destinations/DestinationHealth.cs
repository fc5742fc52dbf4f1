using Mesh.Node.Model;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>Which destinations requests of one client may be sent to now, with what is ejected left out.</summary>
/// <param name="registry">What the node knows of destinations.</param>
/// <param name="snapshot">The configuration in force.</param>
/// <param name="source">The client's workload.</param>
/// <param name="nowMs">The loop's milliseconds.</param>
/// <param name="except">One that is left out whatever its state; null for none.</param>
internal readonly ref struct DestinationHealth(
    DestinationRegistry registry, MeshSnapshot snapshot, Workload source, long nowMs, WeightedDestination? except = null)
    : IDestinationHealth
{
    private readonly DestinationRegistry _registry = registry;
    private readonly MeshSnapshot _snapshot = snapshot;
    private readonly Workload _source = source;
    private readonly long _nowMs = nowMs;
    private readonly WeightedDestination? _except = except;

    /// <inheritdoc/>
    public bool IsUsable(WeightedDestination destination) =>
        !ReferenceEquals(destination, _except) && _registry.IsUsable(_snapshot, destination, _source, _nowMs);
}
