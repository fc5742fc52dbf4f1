namespace Mesh.Lab.Cli;

/// <summary>Kinds as people type them: `pod`, `pods`, `svc`, `AuthorizationPolicy`.</summary>
internal static class KindNames
{
    private static readonly Dictionary<string, string> s_kinds = new(StringComparer.OrdinalIgnoreCase)
    {
        ["pod"] = "Pod",
        ["po"] = "Pod",
        ["service"] = "Service",
        ["svc"] = "Service",
        ["namespace"] = "Namespace",
        ["ns"] = "Namespace",
        ["serviceaccount"] = "ServiceAccount",
        ["sa"] = "ServiceAccount",
        ["workloadentry"] = "WorkloadEntry",
        ["serviceentry"] = "ServiceEntry",
        ["peerauthentication"] = "PeerAuthentication",
        ["pa"] = "PeerAuthentication",
        ["authorizationpolicy"] = "AuthorizationPolicy",
        ["ap"] = "AuthorizationPolicy",
        ["networkpolicy"] = "NetworkPolicy",
        ["node"] = "Node",
    };

    /// <summary>The kind as manifests spell it. A kind not known here stays as typed.</summary>
    public static string Canonical(string typed)
    {
        string singular = typed.EndsWith("policies", StringComparison.OrdinalIgnoreCase) ? typed[..^3] + "y" : typed;
        return s_kinds.GetValueOrDefault(singular) ?? s_kinds.GetValueOrDefault(singular.TrimEnd('s', 'S')) ?? typed;
    }
}
