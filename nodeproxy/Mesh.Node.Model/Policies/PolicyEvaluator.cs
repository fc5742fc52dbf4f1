using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// Decides whether a connection may reach a workload. Pure; any thread; allocates nothing. What applies to a workload are the global
/// policies, those of its namespace, and those it names.
/// </summary>
public static class PolicyEvaluator
{
    /// <summary>
    /// 1. Before the first complete configuration: pending. 2. A DENY rule that matches: denied. 3. A policy the workload names has not
    /// arrived: pending, for it may deny. 4. No ALLOW policy applies: allowed. 5. Allowed when an ALLOW rule matches, else denied.
    /// </summary>
    public static PolicyDecision Evaluate(MeshSnapshot snapshot, Workload destination, in ConnectionFacts facts)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(destination);

        // 1. Nothing is known of what applies.
        if (!snapshot.IsComplete)
        {
            return new PolicyDecision { Outcome = PolicyOutcome.Pending, Reason = PolicyReason.ConfigurationIncomplete };
        }

        var applicable = new Applicable(snapshot.Policies, destination);

        // 2. One DENY that matches ends it, whatever has not arrived.
        if (applicable.FirstMatch(PolicyAction.Deny, isDryRun: false, in facts) is CompiledRule deny)
        {
            return new PolicyDecision { Outcome = PolicyOutcome.Denied, Reason = PolicyReason.DenyRuleMatched, DecidedBy = deny.Name };
        }

        // 3. A policy that has not arrived is never taken for one that does not exist.
        if (applicable.MissingPolicy is string missing)
        {
            return new PolicyDecision { Outcome = PolicyOutcome.Pending, Reason = PolicyReason.PolicyNotArrived, MissingPolicy = missing };
        }

        CompiledRule? allow = applicable.FirstMatch(PolicyAction.Allow, isDryRun: false, in facts);
        PolicyDecision decision = (allow, applicable.FirstAllow) switch
        {
            // 4.
            (null, null) => new PolicyDecision { Outcome = PolicyOutcome.Allowed, Reason = PolicyReason.NoAllowPolicyApplies },

            // 5.
            (null, AuthorizationPolicy first) => new PolicyDecision
            {
                Outcome = PolicyOutcome.Denied,
                Reason = PolicyReason.NoAllowRuleMatched,
                DecidedBy = new PolicyRuleName(first, -1),
            },
            (CompiledRule rule, _) => new PolicyDecision
            {
                Outcome = PolicyOutcome.Allowed,
                Reason = PolicyReason.AllowRuleMatched,
                DecidedBy = rule.Name,
            },
        };
        return applicable.HasDryRun ? WithDryRun(decision, in applicable, in facts) : decision;
    }

    /// <summary>Adds what the outcome would be if dry-run policies were applied as well.</summary>
    private static PolicyDecision WithDryRun(PolicyDecision decision, in Applicable applicable, in ConnectionFacts facts)
    {
        if (applicable.FirstMatch(PolicyAction.Deny, isDryRun: true, in facts) is CompiledRule deny)
        {
            return decision with { DryRunOutcome = PolicyOutcome.Denied, DryRunDecidedBy = deny.Name };
        }

        if (decision.Reason == PolicyReason.AllowRuleMatched || applicable.FirstDryRunAllow is not AuthorizationPolicy first)
        {
            return decision with { DryRunOutcome = decision.Outcome };
        }

        return applicable.FirstMatch(PolicyAction.Allow, isDryRun: true, in facts) is CompiledRule allow
            ? decision with { DryRunOutcome = PolicyOutcome.Allowed, DryRunDecidedBy = allow.Name }
            : decision with { DryRunOutcome = PolicyOutcome.Denied, DryRunDecidedBy = new PolicyRuleName(first, -1) };
    }

    /// <summary>The policies that apply to one workload. Lives on the stack.</summary>
    private readonly ref struct Applicable
    {
        private readonly PolicySet _policies;
        private readonly Workload _destination;
        private readonly PolicyGroup _global;
        private readonly PolicyGroup _namespace;

        public Applicable(PolicySet policies, Workload destination)
        {
            _policies = policies;
            _destination = destination;
            _global = policies.Global;
            _namespace = policies.OfNamespace(destination.Namespace);
            FirstAllow = _global.FirstAllow ?? _namespace.FirstAllow;
            FirstDryRunAllow = _global.FirstDryRunAllow ?? _namespace.FirstDryRunAllow;
            HasDryRun = _global.HasDryRun || _namespace.HasDryRun;
            foreach (string key in destination.AuthorizationPolicies)
            {
                if (policies.Named(key) is not PolicyGroup named)
                {
                    MissingPolicy ??= key;
                    continue;
                }

                FirstAllow ??= named.FirstAllow;
                FirstDryRunAllow ??= named.FirstDryRunAllow;
                HasDryRun |= named.HasDryRun;
            }
        }

        /// <summary>The first policy the workload names that has not arrived.</summary>
        public string? MissingPolicy { get; }

        public AuthorizationPolicy? FirstAllow { get; }

        public AuthorizationPolicy? FirstDryRunAllow { get; }

        public bool HasDryRun { get; }

        public CompiledRule? FirstMatch(PolicyAction action, bool isDryRun, in ConnectionFacts facts) =>
            Rules(_global, action, isDryRun).FirstMatch(in facts)
            ?? Rules(_namespace, action, isDryRun).FirstMatch(in facts)
            ?? FirstNamedMatch(action, isDryRun, in facts);

        private CompiledRule? FirstNamedMatch(PolicyAction action, bool isDryRun, in ConnectionFacts facts)
        {
            foreach (string key in _destination.AuthorizationPolicies)
            {
                if (_policies.Named(key) is PolicyGroup named && Rules(named, action, isDryRun).FirstMatch(in facts) is CompiledRule rule)
                {
                    return rule;
                }
            }

            return null;
        }

        private static RuleSet Rules(PolicyGroup group, PolicyAction action, bool isDryRun) => (action, isDryRun) switch
        {
            (PolicyAction.Deny, false) => group.Deny,
            (PolicyAction.Deny, true) => group.DryRunDeny,
            (_, false) => group.Allow,
            (_, true) => group.DryRunAllow,
        };
    }
}
