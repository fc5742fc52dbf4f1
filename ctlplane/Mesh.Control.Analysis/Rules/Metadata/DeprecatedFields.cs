using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Metadata;

/// <summary>IST0002: fields that are still read, and have a successor.</summary>
internal sealed class DeprecatedFields : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        mesh.Subjects(mesh.VirtualServices).SelectMany(OfVirtualService)
            .Concat(mesh.Subjects(mesh.Of(Kinds.DestinationRule)).SelectMany(OfDestinationRule));

    private static IEnumerable<Diagnostic> OfVirtualService(VirtualService spec) =>
        from rule in spec.Spec["http"].Items
        from pair in new[]
        {
            (Old: rule["fault"]["delay"]["percent"], New: "percentage"),
            (Old: rule["mirrorPercent"], New: "mirrorPercentage"),
            (Old: rule["mirror_percent"], New: "mirrorPercentage"),
            (Old: rule["corsPolicy"]["allowOrigin"], New: "allowOrigins"),
        }
        where pair.Old.Exists
        select Of(spec, pair.Old, pair.New);

    private static IEnumerable<Diagnostic> OfDestinationRule(Entry rule) =>
        from policy in rule.Spec["subsets"].Items.Select(subset => subset["trafficPolicy"]).Prepend(rule.Spec["trafficPolicy"])
        from scope in policy["portLevelSettings"].Items.Prepend(policy)
        let old = scope["outlierDetection"]["consecutiveErrors"]
        where old.Exists
        select Of(rule, old, "consecutive5xxErrors");

    private static Diagnostic Of(Entry entry, Field old, string successor) => DiagnosticCodes.Deprecated.At(
        entry, old, $"{old.Path} has given place to {successor}.", $"Write {successor} in place of {old.Key}.");
}
