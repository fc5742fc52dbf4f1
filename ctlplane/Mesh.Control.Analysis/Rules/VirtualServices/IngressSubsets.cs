using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.VirtualServices;

/// <summary>
/// IST0140: a VirtualService of the mesh splits a host among subsets, and another lets a gateway past it to the whole host.
/// </summary>
internal sealed class IngressSubsets : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        ILookup<string, VirtualService> splitting = mesh.VirtualServices
            .Where(spec => spec.IsForMesh
                && spec.Routes.SelectMany(route => route.Weighted).Any(destination => destination.Subset.Length > 0))
            .SelectMany(spec => spec.Hosts.Select(host => (Host: mesh.Hosts.Resolve(host.Text, spec.Namespace), Spec: spec)))
            .ToLookup(pair => pair.Host, pair => pair.Spec, StringComparer.Ordinal);
        foreach (VirtualService entering in mesh.VirtualServices)
        {
            IEnumerable<RouteDestination> whole = entering.Routes.SelectMany(route => route.Weighted)
                .Where(destination => destination.Host.Length > 0 && destination.Subset.Length == 0);
            foreach (Field gateway in entering.Gateways.Where(gateway => gateway.Text != VirtualService.MeshGateway))
            {
                foreach (VirtualService split in whole
                    .SelectMany(destination => splitting[mesh.Hosts.Resolve(destination.Host, entering.Namespace)])
                    .Where(split => split != entering && split.Gateways.All(own => own.Text != gateway.Text))
                    .Distinct())
                {
                    yield return DiagnosticCodes.SubsetsNotAtIngress.At(
                        split,
                        split.Spec["hosts"],
                        $"What comes in by the gateway {gateway.Text} is routed by {entering.Namespace}/{entering.Name}, and not to these "
                            + "subsets.");
                }
            }
        }
    }
}
