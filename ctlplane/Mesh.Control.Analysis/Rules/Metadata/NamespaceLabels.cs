using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Rules.Metadata;

/// <summary>IST0123: the labels of a namespace say one thing about what becomes of its pods.</summary>
internal sealed class NamespaceLabels : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) => mesh.Of(Kinds.Namespace).SelectMany(Check);

    private static IEnumerable<Diagnostic> Check(Entry entry)
    {
        Field field = entry.Metadata["labels"];
        Labels labels = field.ToLabels();
        if (labels.Find("istio-injection") is { } injection && labels.Find("istio.io/rev") is { } revision)
        {
            yield return DiagnosticCodes.LabelsContradict.At(
                entry,
                field["istio-injection"],
                $"The namespace has both istio-injection={injection} and istio.io/rev={revision}; with Istio the first wins.");
        }

        string? own = labels.Find("mesh-node.io/capture");
        string? mode = labels.Find("istio.io/dataplane-mode");
        if ((own, mode) is ("enabled", "none") or ("disabled", "ambient"))
        {
            yield return DiagnosticCodes.LabelsContradict.At(
                entry,
                field["istio.io/dataplane-mode"],
                $"The namespace has both mesh-node.io/capture={own} and istio.io/dataplane-mode={mode}; the first holds.");
        }
    }
}
