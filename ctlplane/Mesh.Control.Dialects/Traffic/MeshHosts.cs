using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>Host names as rules write them.</summary>
internal static class MeshHosts
{
    /// <summary>Whether a rule may have it for a host: a name, or *. and one.</summary>
    public static bool IsHost(string host) =>
        ManifestNames.IsSubdomain(host.StartsWith("*.", StringComparison.Ordinal) ? host.AsSpan(2) : host);

    /// <summary>The full name: one without a dot is a service of the rule's own namespace.</summary>
    public static string Resolve(string host, string ruleNamespace, string clusterDomain) =>
        host.Contains('.', StringComparison.Ordinal) ? host : $"{host}.{ruleNamespace}.svc.{clusterDomain}";

    /// <summary>Whether a rule's host, resolved, is or takes in a name.</summary>
    public static bool Covers(string host, string name) => host.StartsWith('*')
        ? name.Length >= host.Length && name.EndsWith(host[1..], StringComparison.Ordinal)
        : string.Equals(host, name, StringComparison.Ordinal);

    /// <summary>How nearly a host that covers a name is it: an exact one before the longest wildcard.</summary>
    public static int Specificity(string host) => host.StartsWith('*') ? host.Length : int.MaxValue;

    /// <summary>The namespace a full name of a Kubernetes Service has in it; null for any other.</summary>
    public static string? NamespaceOf(string host, string clusterDomain)
    {
        string suffix = $".svc.{clusterDomain}";
        if (!host.EndsWith(suffix, StringComparison.Ordinal))
        {
            return null;
        }

        ReadOnlySpan<char> rest = host.AsSpan(0, host.Length - suffix.Length);
        int dot = rest.LastIndexOf('.');
        return dot > 0 ? rest[(dot + 1)..].ToString() : null;
    }
}
