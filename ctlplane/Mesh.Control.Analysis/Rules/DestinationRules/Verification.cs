using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.DestinationRules;

/// <summary>IST0128 and IST0129: who originates TLS says whom it trusts.</summary>
internal sealed class Verification : IRule
{
    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from rule in mesh.Subjects(mesh.Of(Kinds.DestinationRule))
        from policy in rule.Spec["subsets"].Items.Select(subset => subset["trafficPolicy"]).Prepend(rule.Spec["trafficPolicy"])
        from finding in Check(rule, policy)
        select finding;

    private static IEnumerable<Diagnostic> Check(Entry rule, Field policy)
    {
        string host = rule.Spec["host"].Text;
        if (IsUnverified(policy["tls"]))
        {
            yield return DiagnosticCodes.TlsUnverified.At(
                rule,
                policy["tls"],
                $"TLS to {host} is {policy["tls"]["mode"].Text} and names no CA to verify the server with.");
        }

        foreach (Field port in policy["portLevelSettings"].Items.Where(port => IsUnverified(port["tls"])))
        {
            yield return DiagnosticCodes.PortTlsUnverified.At(
                rule,
                port["tls"],
                $"TLS to port {port["port"]["number"].Number} of {host} is {port["tls"]["mode"].Text} and names no CA to verify the "
                    + "server with.");
        }
    }

    private static bool IsUnverified(Field tls) => tls["mode"].Text is "SIMPLE" or "MUTUAL"
        && tls["caCertificates"].Text.Length == 0
        && tls["credentialName"].Text.Length == 0
        && !tls["insecureSkipVerify"].IsTrue;
}
