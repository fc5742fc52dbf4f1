using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.GatewayApi;

/// <summary>KIA1601: a ReferenceGrant grants to a namespace that exists.</summary>
internal sealed class Grants : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from grant in mesh.Of(Kinds.ReferenceGrant)
        from source in grant.Spec["from"].Items
        let name = source["namespace"]
        where name.Text.Length > 0 && !mesh.HasNamespace(name.Text)
        select DiagnosticCodes.GrantNamespaceMissing.At(grant, name, $"There is no namespace {name.Text}.");
}
