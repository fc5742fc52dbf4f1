using Mesh.Node.Model.Policies;

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
        PolicyReason.NoAllowRuleMatched => $"no rule of the ALLOW policies matched, {decision.DecidedBy.Policy?.Key} among them",
        PolicyReason.PolicyNotArrived => $"policy {decision.MissingPolicy} has not arrived",
        PolicyReason.ConfigurationIncomplete => "the first complete configuration has not arrived",
        _ => decision.Reason.ToString(),
    };
}
