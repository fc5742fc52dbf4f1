using System.Collections.Frozen;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Kinds of Istio's that are bound to its own proxy, and what to use in their place.</summary>
internal static class UnsupportedKinds
{
    private static readonly FrozenDictionary<string, string> s_alternatives = new Dictionary<string, string>
    {
        ["EnvoyFilter"] = "It changes the configuration of Envoy, which does not run here. Say what is wanted with VirtualService, "
            + "DestinationRule, AuthorizationPolicy or RateLimit.",
        ["WasmPlugin"] = "It runs within Envoy, which does not run here. Ask an authorizer of your own, with an AuthorizationPolicy of "
            + "action CUSTOM.",
        ["ProxyConfig"] = "It is about a proxy of each pod, and here a node has one. Use the options of mesh-node.",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    public static void Report(ObjectDiagnostics diagnostics)
    {
        string kind = diagnostics.Source.Key.Kind;
        diagnostics.Warning(
            "kind", default, $"{kind} is not supported and has no effect.", s_alternatives.GetValueOrDefault(kind, string.Empty));
    }
}
