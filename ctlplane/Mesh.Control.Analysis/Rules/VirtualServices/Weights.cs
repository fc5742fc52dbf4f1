using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.VirtualServices;

/// <summary>KIA1104 and KIA1105: the destinations of a route differ, and their weights mean something.</summary>
internal sealed class Weights : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from spec in mesh.Subjects(mesh.VirtualServices)
        from route in spec.Routes
        from finding in Check(mesh, spec, route)
        select finding;

    private static IEnumerable<Diagnostic> Check(MeshInput mesh, VirtualService spec, VirtualServiceRoute route)
    {
        if (route.Weighted is [{ Weight.Number: { } weight and not 100 } single])
        {
            yield return DiagnosticCodes.WeightIgnored.At(
                spec, single.Weight, $"The weight {weight} has no effect: there is one destination.");
        }

        var seen = new Dictionary<string, RouteDestination>(StringComparer.Ordinal);
        foreach (RouteDestination destination in route.Weighted.Where(destination => destination.Host.Length > 0))
        {
            string key = $"{mesh.Hosts.Resolve(destination.Host, spec.Namespace)} {destination.Subset} {destination.Port}";
            if (!seen.TryAdd(key, destination))
            {
                yield return DiagnosticCodes.DestinationTwice.At(
                    spec,
                    destination.Field["host"],
                    $"The host "
                        + $"{destination.Host}{(destination.Subset.Length > 0 ? $" with the subset {destination.Subset}" : string.Empty)} "
                        + $"is a destination of this route already, at {seen[key].Field.Path}.");
            }
        }
    }
}
