using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Services;

/// <summary>KIA1701 and KIA1702: a WorkloadGroup has an account that exists, and labels of its own.</summary>
internal sealed class WorkloadGroups : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        var owners = new Dictionary<string, Entry>(StringComparer.Ordinal);
        foreach (Entry group in mesh.Of(Kinds.WorkloadGroup))
        {
            Field account = group.Spec["template"]["serviceAccount"];
            if (account.Text.Length > 0 && !ServiceAccounts.Exists(mesh, group.Namespace, account.Text, countsWorkloads: false))
            {
                yield return DiagnosticCodes.GroupAccountMissing.At(
                    group, account, $"There is no service account {group.Namespace}/{account.Text}.");
            }

            Field labels = group.Spec["metadata"]["labels"];
            if (labels.Exists && !owners.TryAdd($"{group.Namespace} {labels.Canonical()}", group))
            {
                Entry first = owners[$"{group.Namespace} {labels.Canonical()}"];
                yield return DiagnosticCodes.GroupLabelsTwice.At(
                    group, labels, $"The WorkloadGroup {first.Namespace}/{first.Name} has the same labels.");
            }
        }
    }
}
