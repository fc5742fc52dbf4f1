using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Scopes;

/// <summary>KIA0005: what is shown to a namespace is shown to one that exists.</summary>
internal sealed class Exports : IRule
{
    private static readonly string[] s_kinds = [Kinds.VirtualService, Kinds.DestinationRule, Kinds.ServiceEntry];

    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from entry in mesh.Subjects(mesh.OfAny(s_kinds))
        from item in entry.Spec["exportTo"].Items
        where item.Text is not ("" or "*" or "." or "~") && !mesh.HasNamespace(item.Text)
        select DiagnosticCodes.ExportedToNowhere.At(entry, item, $"There is no namespace {item.Text}.");
}
