namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>What one destination is to a node.</summary>
/// <param name="ServiceKey">namespace/hostname.</param>
/// <param name="Port">The service's port; 0 for every port it does not declare.</param>
/// <param name="Subset">As routes name it; empty for all endpoints.</param>
/// <param name="Scope">The clients' namespace, where something else holds for it than for others; empty for those others.</param>
internal readonly record struct DestinationKey(string ServiceKey, ushort Port, string Subset, string Scope)
{
    public override string ToString() =>
        $"{ServiceKey}:{Port}{(Subset.Length == 0 ? "" : $"/{Subset}")}{(Scope.Length == 0 ? "" : $"@{Scope}")}";
}
