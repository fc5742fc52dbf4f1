using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Policies;

/// <summary>KIA0101, KIA0106 and KIA0108: whom an AuthorizationPolicy speaks of exists in this mesh.</summary>
internal sealed class PolicySources : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from policy in mesh.Of(Kinds.AuthorizationPolicy)
        from rule in policy.Spec["rules"].Items
        from finding in Check(mesh, policy, rule)
        select finding;

    private static IEnumerable<Diagnostic> Check(MeshInput mesh, Entry policy, Field rule)
    {
        foreach (Field source in rule["from"].Items.Select(from => from["source"]))
        {
            foreach (Field name in Values(source, "namespaces", "notNamespaces").Where(name => !IsPattern(name.Text)))
            {
                if (!mesh.HasNamespace(name.Text))
                {
                    yield return DiagnosticCodes.SourceNamespaceMissing.At(policy, name, $"There is no namespace {name.Text}.");
                }
            }

            foreach (Field principal in Values(source, "principals", "notPrincipals").Where(principal => !IsPattern(principal.Text)))
            {
                if (CheckPrincipal(mesh, policy, principal) is { } finding)
                {
                    yield return finding;
                }
            }

            foreach (Field account in Values(source, "serviceAccounts", "notServiceAccounts"))
            {
                int slash = account.Text.IndexOf('/', StringComparison.Ordinal);
                string @namespace = slash < 0 ? policy.Namespace : account.Text[..slash];
                string name = account.Text[(slash + 1)..];
                if (!ServiceAccounts.Exists(mesh, @namespace, name, countsWorkloads: true))
                {
                    yield return DiagnosticCodes.PrincipalMissing.At(
                        policy, account, $"There is no service account {@namespace}/{name}.");
                }
            }
        }
    }

    private static Diagnostic? CheckPrincipal(MeshInput mesh, Entry policy, Field principal)
    {
        if (principal.Text.Split('/') is not [string trustDomain, "ns", string @namespace, "sa", string account])
        {
            return null;
        }

        if (trustDomain != mesh.Options.TrustDomain.Name
            && trustDomain != mesh.Options.ClusterDomain
            && !AliasesOf(mesh).Contains(trustDomain))
        {
            return DiagnosticCodes.TrustDomainForeign.At(
                policy, principal, $"{trustDomain} is not a trust domain of this mesh, whose own is {mesh.Options.TrustDomain.Name}.");
        }

        return ServiceAccounts.Exists(mesh, @namespace, account, countsWorkloads: true)
            ? null
            : DiagnosticCodes.PrincipalMissing.At(
                policy, principal, $"There is no service account {@namespace}/{account}.");
    }

    private static IEnumerable<string> AliasesOf(MeshInput mesh) => mesh.Of(Kinds.ConfigMap)
        .Where(map => map.Name == "istio")
        .Select(map => map.Root["data"]["mesh"])
        .SelectMany(config => config["trustDomainAliases"].Items.Append(config["trustDomain"]))
        .Select(alias => alias.Text);

    private static IEnumerable<Field> Values(Field source, params string[] keys) =>
        keys.SelectMany(key => source[key].Items).Where(value => value.Text.Length > 0);

    private static bool IsPattern(string text) => text.StartsWith('*') || text.EndsWith('*');
}
