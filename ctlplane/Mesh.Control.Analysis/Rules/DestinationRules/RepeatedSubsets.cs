using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.DestinationRules;

/// <summary>KIA0201: a subset of a host is said once.</summary>
internal sealed class RepeatedSubsets : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        var seen = new Dictionary<(string Host, string Subset, string Scope), Entry>();
        foreach (Entry rule in mesh.Of(Kinds.DestinationRule))
        {
            // A rule of the clients' namespace stands in place of the service's own, and those for some clients beside the others.
            string host = mesh.Hosts.Resolve(rule.Spec["host"].Text, rule.Namespace);
            string scope = $"{rule.Namespace} {rule.Spec["exportTo"].Canonical()} {rule.Spec["workloadSelector"].Canonical()}";
            foreach (Field subset in rule.Spec["subsets"].Items.Where(subset => subset["name"].Text.Length > 0))
            {
                (string, string, string) key = (host, subset["name"].Text, scope);
                if (!seen.TryAdd(key, rule) && seen[key] != rule)
                {
                    yield return DiagnosticCodes.SubsetTwice.At(
                        rule,
                        subset["name"],
                        $"The subset {subset["name"].Text} of {host} is also that of {seen[key].Namespace}/{seen[key].Name}.");
                }
            }
        }
    }
}
