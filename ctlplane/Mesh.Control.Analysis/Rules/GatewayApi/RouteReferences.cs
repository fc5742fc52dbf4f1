using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.GatewayApi;

/// <summary>KIA1401 and KIA1402: what routes are attached to and send to exists.</summary>
internal sealed class RouteReferences : IRule
{
    private const string GatewayGroup = "gateway.networking.k8s.io";

    public IEnumerable<Diagnostic> Find(MeshInput mesh) => mesh.OfAny(Kinds.Routes).SelectMany(route => Check(mesh, route));

    private static IEnumerable<Diagnostic> Check(MeshInput mesh, Entry route)
    {
        foreach (Field parent in route.Spec["parentRefs"].Items)
        {
            string group = parent["group"].Exists ? parent["group"].Text : GatewayGroup;
            string kind = parent["kind"].Exists ? parent["kind"].Text : "Gateway";
            string @namespace = NamespaceOf(parent, route);
            if (group == GatewayGroup && kind == "Gateway"
                && !mesh.Of(Kinds.KubernetesGateway).Any(entry => entry.Namespace == @namespace && entry.Name == parent["name"].Text))
            {
                yield return DiagnosticCodes.RouteGatewayMissing.At(
                    route, parent["name"], $"There is no Gateway {@namespace}/{parent["name"].Text}.");
            }
        }

        foreach (Field backend in BackendsOf(route))
        {
            string group = backend["group"].Text;
            string kind = backend["kind"].Exists ? backend["kind"].Text : "Service";
            string name = backend["name"].Text;
            string @namespace = NamespaceOf(backend, route);
            bool isMissing = (group, kind) switch
            {
                ("", "Service") => !mesh.Of(Kinds.Service).Any(entry => entry.Namespace == @namespace && entry.Name == name),
                ("networking.istio.io", "Hostname") => mesh.Hosts.Find(name) is null,
                _ => false,
            };
            if (isMissing)
            {
                yield return DiagnosticCodes.BackendMissing.At(
                    route, backend["name"], $"There is no {kind} {@namespace}/{name}.");
            }
        }
    }

    private static IEnumerable<Field> BackendsOf(Entry route) => route.Spec["rules"].Items.SelectMany(rule =>
        rule["backendRefs"].Items.Concat(rule["filters"].Items
            .Select(filter => filter["requestMirror"]["backendRef"])
            .Where(mirror => mirror.Exists)));

    private static string NamespaceOf(Field reference, Entry route) =>
        reference["namespace"].Text is { Length: > 0 } named ? named : route.Namespace;
}
