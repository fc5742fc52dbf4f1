using System.Globalization;
using Mesh.Node.Model.Policies;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Enforcement;

/// <summary>Says which policy decided, for the operator. The client is never told.</summary>
internal static class PolicyText
{
    public static string Describe(in PolicyDecision decision) => decision.Reason switch
    {
        PolicyReason.DenyRuleMatched when decision.DecidedBy.Policy?.UnreadableBecause is string reason =>
            $"policy {decision.DecidedBy.Policy.Key} cannot be read and denies all it might select: {reason}",
        PolicyReason.DenyRuleMatched => $"denied by {decision.DecidedBy}",
        PolicyReason.AuthorizerMissing =>
            $"denied by {decision.DecidedBy}, which asks the authorizer '{decision.DecidedBy.Policy?.Provider}', and there is none to ask",
        PolicyReason.AuthorizerNotAsked =>
            $"denied by {decision.DecidedBy}, which asks the authorizer '{decision.DecidedBy.Policy?.Provider}', and it was not asked",
        PolicyReason.NoAllowRuleMatched => $"no rule of the ALLOW policies matched, {decision.DecidedBy.Policy?.Key} among them",
        PolicyReason.PolicyNotArrived => $"policy {decision.MissingPolicy} has not arrived",
        PolicyReason.ConfigurationIncomplete => "the first complete configuration has not arrived",
        _ => decision.Reason.ToString(),
    };

    /// <summary>What a dry run came to; null where none decided.</summary>
    public static DryRunResult? DryRunOf(in PolicyDecision decision) => decision switch
    {
        { DryRunDecidedBy.Policy: null } => null,
        { DryRunDecidedBy.Policy.Action: PolicyAction.Deny } => DryRunResult.DenyDenied,
        { DryRunOutcome: PolicyOutcome.Allowed } => DryRunResult.AllowAllowed,
        _ => DryRunResult.AllowDenied,
    };

    /// <summary>
    /// The detail Istio's access log has for a request that policy denied: the rule that did, or none where no ALLOW rule matched.
    /// </summary>
    public static string DetailOf(in PolicyDecision decision)
    {
        string matched = decision.DecidedBy is { Policy: AuthorizationPolicy policy, RuleIndex: >= 0 and int rule }
            ? string.Create(CultureInfo.InvariantCulture, $"ns[{policy.Namespace}]-policy[{policy.Name}]-rule[{rule}]")
            : "none";
        return $"rbac_access_denied_matched_policy[{matched}]";
    }
}
