using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.VirtualServices;

/// <summary>IST0101 (KIA1107): the subsets that routes lead to are those of a DestinationRule.</summary>
internal sealed class Subsets : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        ILookup<string, Entry> rules = mesh.Of(Kinds.DestinationRule)
            .Where(rule => rule.Spec["host"].Text.Length > 0)
            .ToLookup(rule => mesh.Hosts.Resolve(rule.Spec["host"].Text, rule.Namespace), StringComparer.Ordinal);
        List<IGrouping<string, Entry>> wildcards = [.. rules.Where(group => group.Key.StartsWith('*'))];
        foreach (VirtualService spec in mesh.Subjects(mesh.VirtualServices))
        {
            foreach (RouteDestination destination in spec.Routes.SelectMany(route => route.Destinations))
            {
                string host = mesh.Hosts.Resolve(destination.Host, spec.Namespace);
                if (destination.Subset.Length == 0 || mesh.Hosts.Find(host) is null)
                {
                    continue;
                }

                IEnumerable<Entry> covering =
                    rules[host].Concat(wildcards.Where(group => HostIndex.Covers(group.Key, host)).SelectMany(group => group));
                if (!covering.Any(rule => Has(rule, destination.Subset)))
                {
                    yield return DiagnosticCodes.ReferenceMissing.At(
                        spec,
                        destination.Field["subset"],
                        $"No DestinationRule of {destination.Host} has the subset {destination.Subset}.",
                        $"Add the subset {destination.Subset} to a DestinationRule for {host}.",
                        "KIA1107");
                }
            }
        }
    }

    private static bool Has(Entry rule, string subset) => rule.Spec["subsets"].Items.Any(item => item["name"].Text == subset);
}
