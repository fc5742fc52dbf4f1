using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Manifests;

/// <summary>Kinds under the names people type: <c>virtualservice</c>, <c>virtualservices</c>, <c>vs</c>.</summary>
internal static class KindNames
{
    private static readonly Dictionary<string, string> s_short = new(StringComparer.OrdinalIgnoreCase)
    {
        ["vs"] = "VirtualService",
        ["dr"] = "DestinationRule",
        ["gw"] = "Gateway",
        ["gtw"] = "Gateway",
        ["gc"] = "GatewayClass",
        ["se"] = "ServiceEntry",
        ["we"] = "WorkloadEntry",
        ["wg"] = "WorkloadGroup",
        ["pa"] = "PeerAuthentication",
        ["ra"] = "RequestAuthentication",
        ["ap"] = "AuthorizationPolicy",
        ["svc"] = "Service",
        ["po"] = "Pod",
        ["ns"] = "Namespace",
        ["sa"] = "ServiceAccount",
        ["cm"] = "ConfigMap",
        ["deploy"] = "Deployment",
        ["refgrant"] = "ReferenceGrant",
        ["btlspolicy"] = "BackendTLSPolicy",
    };

    /// <summary>What may be typed, for completion.</summary>
    public static IEnumerable<string> ShortNames => s_short.Keys;

    public static bool Means(string typed, ObjectKey key)
    {
        string kind = s_short.GetValueOrDefault(typed, typed);
        return Same(kind, key.Kind)
            || Same(kind, $"{key.Kind}s")
            || (key.Kind.EndsWith('y') && Same(kind, $"{key.Kind[..^1]}ies"))
            || (key.Kind.EndsWith('s') && Same(kind, $"{key.Kind}es"));
    }

    private static bool Same(string left, string right) => string.Equals(left, right, StringComparison.OrdinalIgnoreCase);
}
