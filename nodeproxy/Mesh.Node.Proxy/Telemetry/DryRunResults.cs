using Mesh.Node.Model.Policies;

namespace Mesh.Node.Proxy.Telemetry;

/// <summary>The words of <see cref="DryRunResult"/>.</summary>
public static class DryRunResults
{
    /// <summary>The prefix of the policies and what they said, as Envoy has them.</summary>
    public static string Name(DryRunResult result) => result switch
    {
        DryRunResult.DenyDenied => "istio_dry_run_deny_shadow_denied",
        DryRunResult.AllowAllowed => "istio_dry_run_allow_shadow_allowed",
        _ => "istio_dry_run_allow_shadow_denied",
    };

    /// <summary>The same, and the rule.</summary>
    public static string Describe(DryRunResult result, PolicyRuleName decidedBy) => $"{Name(result)} {decidedBy}";
}
