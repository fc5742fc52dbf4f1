using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Scopes;

/// <summary>
/// IST0110, IST0111, IST0159, IST0160, KIA0002 and KIA0003: of the kinds that do not add up,
/// one holds for a namespace and one for a workload.
/// </summary>
internal sealed class Uniqueness : IRule
{
    private static readonly (string Kind, DiagnosticCode OfNamespace, DiagnosticCode OnWorkload)[] s_kinds =
    [
        (Kinds.Sidecar, DiagnosticCodes.SidecarsOfNamespace, DiagnosticCodes.SidecarsOnWorkload),
        (Kinds.Telemetry, DiagnosticCodes.TelemetriesOfNamespace, DiagnosticCodes.TelemetriesOnWorkload),
        (Kinds.PeerAuthentication, DiagnosticCodes.PoliciesOfNamespace, DiagnosticCodes.PoliciesOnWorkload),
    ];

    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from kind in s_kinds
        from scope in mesh.Of(kind.Kind).GroupBy(entry => entry.Namespace, StringComparer.Ordinal)
        from finding in FindWhole(kind.OfNamespace, scope).Concat(FindSelecting(mesh, kind.OnWorkload, scope))
        select finding;

    private static IEnumerable<Diagnostic> FindWhole(DiagnosticCode code, IGrouping<string, Entry> scope)
    {
        Entry[] whole = [.. scope.Where(Selectors.IsWhole)];
        return whole.Length < 2
            ? []
            : whole.Select(entry => code.At(
                entry,
                entry.Metadata["name"],
                $"The {Plural(entry)} {string.Join(", ", whole.Select(other => other.Name).Order(StringComparer.Ordinal))} are all for the "
                    + $"whole of {scope.Key}."));
    }

    private static IEnumerable<Diagnostic> FindSelecting(MeshInput mesh, DiagnosticCode code, IGrouping<string, Entry> scope)
    {
        var holders = new Dictionary<Workload, Entry>();
        foreach (Entry entry in scope.Where(entry => Selectors.Of(entry) is { Exists: true, IsEmptyObject: false }))
        {
            Field labels = Selectors.Of(entry);
            Workload? shared = null;
            foreach (Workload workload in Selectors.Select(mesh, entry, labels.ToLabels()))
            {
                shared = holders.TryAdd(workload, entry) ? shared : shared ?? workload;
            }

            if (shared is not null)
            {
                yield return code.At(
                    entry,
                    labels,
                    $"The {Plural(entry)} {holders[shared].Name} and {entry.Name} are both for the workload "
                        + $"{shared.Namespace}/{shared.Entry.Name}.");
            }
        }
    }

    private static string Plural(Entry entry) =>
        entry.Source.Key.Kind.EndsWith('y') ? $"{entry.Source.Key.Kind[..^1]}ies" : $"{entry.Source.Key.Kind}s";
}
