namespace Mesh.Node.Model.Policies;

/// <summary>What policy says of one connection or request, and which rule said it.</summary>
public readonly record struct PolicyDecision
{
    public required PolicyOutcome Outcome { get; init; }

    public required PolicyReason Reason { get; init; }

    /// <summary>
    /// The rule that decided, or that asks for requests; for <see cref="PolicyReason.NoAllowRuleMatched"/> the first ALLOW policy, without
    /// a rule.
    /// </summary>
    public PolicyRuleName DecidedBy { get; init; }

    /// <summary>namespace/name of the policy that has not arrived; set only for <see cref="PolicyReason.PolicyNotArrived"/>.</summary>
    public string? MissingPolicy { get; init; }

    /// <summary>What the outcome would be if dry-run policies were applied as well; null when none applies here.</summary>
    public PolicyOutcome? DryRunOutcome { get; init; }

    /// <summary>The dry-run rule that would decide, when one would.</summary>
    public PolicyRuleName DryRunDecidedBy { get; init; }

    /// <summary>True only for <see cref="PolicyOutcome.Allowed"/>: pending is not allowed.</summary>
    public bool IsAllowed => Outcome == PolicyOutcome.Allowed;
}

/// <summary>What to do with a connection or a request.</summary>
public enum PolicyOutcome
{
    /// <summary>Nothing may pass. The default, so that a decision nobody made lets nothing through.</summary>
    Denied,

    /// <summary>Not decidable yet: wait a bounded time for configuration, then refuse.</summary>
    Pending,

    /// <summary>
    /// Of a connection alone: nothing is decided but that every request inside is, one by one. Of a request that is only explained: an
    /// authorizer decides.
    /// </summary>
    Depends,
    Allowed,
}

/// <summary>Why.</summary>
public enum PolicyReason
{
    /// <summary>Nobody has evaluated anything.</summary>
    NotEvaluated,

    /// <summary>No ALLOW policy applies to the destination and no DENY rule matched.</summary>
    NoAllowPolicyApplies,
    AllowRuleMatched,
    DenyRuleMatched,

    /// <summary>A CUSTOM rule matched, and there is no authorizer to ask.</summary>
    AuthorizerMissing,

    /// <summary>A CUSTOM rule matched whose authorizer was not asked: there is no request to ask about, or not yet an answer.</summary>
    AuthorizerNotAsked,

    /// <summary>A rule that could decide asks for more than the connection says.</summary>
    RequestDecides,

    /// <summary>ALLOW policies apply and none of their rules matched.</summary>
    NoAllowRuleMatched,

    /// <summary>The destination names a policy that has not arrived.</summary>
    PolicyNotArrived,

    /// <summary>The first complete configuration has not arrived.</summary>
    ConfigurationIncomplete,
}

/// <summary>A rule of a policy, as people find it: the policy and the rule's position in it, from 0.</summary>
/// <param name="Policy">Null when no policy decided.</param>
/// <param name="RuleIndex">-1 when the policy decided without a rule.</param>
public readonly record struct PolicyRuleName(AuthorizationPolicy? Policy, int RuleIndex)
{
    public override string ToString() => Policy is null ? "none" : RuleIndex < 0 ? Policy.Key : $"{Policy.Key}[{RuleIndex}]";
}
