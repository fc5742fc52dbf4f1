using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Rules.DestinationRules;

/// <summary>IST0174, IST0173 and KIA0209: a DestinationRule is for a service, and each of its subsets for some of its workloads.</summary>
internal sealed class RuleHosts : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        mesh.Subjects(mesh.Of(Kinds.DestinationRule)).SelectMany(rule => Check(mesh, rule));

    private static IEnumerable<Diagnostic> Check(MeshInput mesh, Entry rule)
    {
        Field host = rule.Spec["host"];
        if (host.Text.Length == 0)
        {
            yield break;
        }

        List<Service> services = [.. mesh.Hosts.FindAll(mesh.Hosts.Resolve(host.Text, rule.Namespace))];
        if (services.Count == 0)
        {
            string hint = mesh.Hosts.Completed(host.Text) is { } completed
                ? $"A name with a dot is taken as it is: write {completed}."
                : string.Empty;
            yield return DiagnosticCodes.RuleHostMissing.At(
                rule, host, $"No service is called {host.Text}.", hint);
        }

        foreach (Field subset in rule.Spec["subsets"].Items)
        {
            Labels labels = subset["labels"].ToLabels();
            if (labels.Count == 0)
            {
                yield return DiagnosticCodes.SubsetWithoutLabels.At(
                    rule, subset, $"The subset {subset["name"].Text} has no labels: it is every workload of the host.");
            }
            else if (services.Count > 0 && services.All(service => IsEmpty(mesh, service, labels)))
            {
                yield return DiagnosticCodes.SubsetSelectsNothing.At(
                    rule,
                    subset["labels"],
                    $"No workload of {host.Text} has the labels of the subset {subset["name"].Text}.");
            }
        }
    }

    /// <summary>Whether it can be told that no workload of the service has the labels.</summary>
    private static bool IsEmpty(MeshInput mesh, Service service, Labels labels)
    {
        if (service.Selector is not { } selector)
        {
            IEnumerable<Field> endpoints = service.Entry.Spec["endpoints"].Items;
            return endpoints.Any() && !endpoints.Any(endpoint => endpoint["labels"].ToLabels().Satisfy(labels));
        }

        return !mesh.Workloads.Select(service.Namespace, selector).Any(workload => workload.Labels.Satisfy(labels));
    }
}
