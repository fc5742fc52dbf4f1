using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Scopes;

/// <summary>KIA1004, KIA1006 and KIA1007: what a Sidecar says by itself.</summary>
internal sealed class Sidecars : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) => mesh.Of(Kinds.Sidecar).SelectMany(sidecar => Check(mesh, sidecar));

    private static IEnumerable<Diagnostic> Check(MeshInput mesh, Entry sidecar)
    {
        foreach (Field host in sidecar.Spec["egress"].Items.SelectMany(egress => egress["hosts"].Items).Where(host => host.Text.Length > 0))
        {
            int slash = host.Text.IndexOf('/', StringComparison.Ordinal);
            string scope = slash < 0 ? "*" : host.Text[..slash];
            string name = host.Text[(slash + 1)..];
            if (name != "*" && scope != "~" && !mesh.Hosts.FindAll(name).Any(service => IsInScope(service, scope, sidecar.Namespace)))
            {
                yield return DiagnosticCodes.EgressHostMissing.At(
                    sidecar, host, $"No service is called {host.Text}.");
            }
        }

        if (sidecar.Namespace == mesh.Options.RootNamespace && sidecar.Spec["workloadSelector"].Exists)
        {
            yield return DiagnosticCodes.MeshSidecarWithSelector.At(
                sidecar,
                sidecar.Spec["workloadSelector"],
                "A Sidecar of the root namespace is for all workloads, and this one selects some.");
        }

        Field policy = sidecar.Spec["outboundTrafficPolicy"];
        if (policy.Exists && policy["mode"].Text.Length == 0)
        {
            yield return DiagnosticCodes.OutboundModeAmbiguous.At(
                sidecar, policy, "No mode is said here, which means REGISTRY_ONLY.");
        }
    }

    private static bool IsInScope(Service service, string scope, string ownNamespace) =>
        scope == "*" || service.Namespace == (scope == "." ? ownNamespace : scope.TrimStart('~'));
}
