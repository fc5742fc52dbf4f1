using System.Collections.Immutable;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// Decides whether a connection, or a request inside one, may reach a workload. Pure; any thread; allocates nothing. What applies to a
/// workload are the global policies, those of its namespace, and those it names.
/// </summary>
/// <remarks>
/// 1. Before the first complete configuration: pending. 2. A CUSTOM rule that matches, and whose authorizer has not allowed it: denied.
/// 3. A DENY rule that matches: denied. 4. A policy the workload names has not arrived: pending, for it may deny. 5. No ALLOW policy
/// applies: allowed. 6. Allowed when an ALLOW rule matches, else denied.
/// </remarks>
public static class PolicyEvaluator
{
    /// <summary>
    /// Decides a connection inside which nobody will judge requests: what a rule asks of them is taken strictly. Never
    /// <see cref="PolicyOutcome.Depends"/>.
    /// </summary>
    public static PolicyDecision Evaluate(MeshSnapshot snapshot, Workload destination, in ConnectionFacts facts)
    {
        var judge = new StrictJudge(in facts);
        return Evaluate(snapshot, destination, in facts, in judge);
    }

    /// <summary>
    /// Decides a connection inside which every request will be judged: <see cref="PolicyOutcome.Depends"/> where a rule that could decide
    /// asks for more than the connection says.
    /// </summary>
    public static PolicyDecision EvaluateForRequests(MeshSnapshot snapshot, Workload destination, in ConnectionFacts facts)
    {
        // What the connection alone decides.
        var certain = new AnswerJudge(in facts, MatchAnswer.Yes);
        PolicyDecision decision = Evaluate(snapshot, destination, in facts, in certain, AuthorizerAnswers.All);
        if (decision.Outcome == PolicyOutcome.Pending
            || decision.Reason is PolicyReason.AuthorizerMissing or PolicyReason.DenyRuleMatched)
        {
            return decision;
        }

        var applicable = new Applicable(snapshot.Policies, destination);
        if (!applicable.AsksRequests)
        {
            return decision;
        }

        // What a request could still change: an ALLOW rule what is denied, another what is allowed.
        var open = new AnswerJudge(in facts, MatchAnswer.Depends);
        CompiledRule? allow = decision.IsAllowed ? null : applicable.FirstMatch(PolicyAction.Allow, isDryRun: false, in facts, in open);
        if (!decision.IsAllowed && allow is null)
        {
            return decision;
        }

        CompiledRule? asks = applicable.FirstMatch(PolicyAction.Custom, isDryRun: false, in facts, in open)
            ?? (applicable.HasAuthorizers ? applicable.FirstMatch(PolicyAction.Custom, isDryRun: false, in facts, in certain) : null)
            ?? applicable.FirstMatch(PolicyAction.Deny, isDryRun: false, in facts, in open)
            ?? allow;
        return asks is null
            ? decision
            : new PolicyDecision { Outcome = PolicyOutcome.Depends, Reason = PolicyReason.RequestDecides, DecidedBy = asks.Name };
    }

    /// <summary>Decides one request. Never <see cref="PolicyOutcome.Depends"/>.</summary>
    /// <param name="snapshot">The configuration in force.</param>
    /// <param name="destination">The workload it is for.</param>
    /// <param name="facts">The connection it came on.</param>
    /// <param name="origin">Who asks, beyond what the connection says.</param>
    /// <param name="request">The request as it will be forwarded.</param>
    /// <param name="allowedBy">The authorizers that were asked about it and have allowed it; null where none was.</param>
    public static PolicyDecision Evaluate<TRequest>(
        MeshSnapshot snapshot,
        Workload destination,
        in ConnectionFacts facts,
        in RequestOrigin origin,
        scoped ref readonly TRequest request,
        AuthorizerAnswers? allowedBy = null)
        where TRequest : IRequestFacts, allows ref struct
    {
        var judge = new RequestJudge<TRequest>(in facts, in origin, request);
        return Evaluate(snapshot, destination, in facts, in judge, allowedBy);
    }

    /// <summary>Finds a CUSTOM rule that matches a request and whose authorizer has not allowed it yet.</summary>
    /// <param name="snapshot">The configuration in force.</param>
    /// <param name="destination">The workload it is for.</param>
    /// <param name="facts">The connection it came on.</param>
    /// <param name="request">The request as it will be forwarded. Nothing is known of its tokens yet.</param>
    /// <param name="allowedBy">The authorizers that were asked about it and have allowed it.</param>
    /// <returns>The policy that has one asked; null where nobody is to be asked any more.</returns>
    public static PolicyRuleName? FindUnasked<TRequest>(
        MeshSnapshot snapshot,
        Workload destination,
        in ConnectionFacts facts,
        scoped ref readonly TRequest request,
        AuthorizerAnswers allowedBy)
        where TRequest : IRequestFacts, allows ref struct
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(destination);
        var applicable = new Applicable(snapshot.Policies, destination);
        var origin = RequestOrigin.Of(in facts);
        var judge = new RequestJudge<TRequest>(in facts, in origin, request);
        return FirstUnasked(in applicable, in facts, in judge, allowedBy)?.Name;
    }

    /// <summary>Whether some policy that applies to the workload has an authorizer asked about requests.</summary>
    public static bool AsksAuthorizers(MeshSnapshot snapshot, Workload destination)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(destination);
        return new Applicable(snapshot.Policies, destination).HasAuthorizers;
    }

    /// <summary>
    /// Whether any policy that applies to the workload, be it a dry run, asks something of requests. Where none does, a connection's
    /// decision is that of every request in it.
    /// </summary>
    public static bool AsksRequests(MeshSnapshot snapshot, Workload destination)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(destination);
        return new Applicable(snapshot.Policies, destination).AsksRequests;
    }

    /// <summary>
    /// Whether a request is to be found where one may be: because some policy asks something of requests, has their tokens verified, or
    /// limits them.
    /// Allocates nothing.
    /// </summary>
    public static bool ReadsRequests(MeshSnapshot snapshot, Workload destination)
    {
        if (AsksRequests(snapshot, destination))
        {
            return true;
        }

        PolicySet policies = snapshot.Policies;
        bool readsRequests = HasRequestRules(policies.Global) || HasRequestRules(policies.OfNamespace(destination.Namespace));
        foreach (string key in destination.AuthorizationPolicies)
        {
            readsRequests |= policies.Named(key) is PolicyGroup named && HasRequestRules(named);
        }

        return readsRequests;
    }

    private static bool HasRequestRules(PolicyGroup group) => !group.TokenRules.IsEmpty || !group.RateLimits.IsEmpty;

    /// <summary>The token rules of all policies that apply to the workload. Allocates: it is asked once a configuration.</summary>
    public static TokenRules TokenRulesOf(MeshSnapshot snapshot, Workload destination)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(destination);
        PolicySet policies = snapshot.Policies;
        return TokenRules.Of(
            policies.Global.TokenRules
                .Concat(policies.OfNamespace(destination.Namespace).TokenRules)
                .Concat(destination.AuthorizationPolicies.SelectMany(key => policies.Named(key)?.TokenRules ?? []))
                .Distinct());
    }

    /// <summary>The rate limits of all policies that apply to the workload. Allocates: it is asked once a configuration.</summary>
    public static ImmutableArray<CompiledRateLimit> RateLimitsOf(MeshSnapshot snapshot, Workload destination)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(destination);
        PolicySet policies = snapshot.Policies;
        return
        [
            .. policies.Global.RateLimits,
            .. policies.OfNamespace(destination.Namespace).RateLimits,
            .. destination.AuthorizationPolicies.Distinct().SelectMany(key => policies.Named(key)?.RateLimits ?? []),
        ];
    }

    private static PolicyDecision Evaluate<TJudge>(
        MeshSnapshot snapshot,
        Workload destination,
        in ConnectionFacts facts,
        scoped ref readonly TJudge judge,
        AuthorizerAnswers? allowedBy = null)
        where TJudge : IRuleJudge, allows ref struct
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(destination);

        // 1. Nothing is known of what applies.
        if (!snapshot.IsComplete)
        {
            return new PolicyDecision { Outcome = PolicyOutcome.Pending, Reason = PolicyReason.ConfigurationIncomplete };
        }

        var applicable = new Applicable(snapshot.Policies, destination);

        // 2. Whoever was to be asked might have denied.
        if (FirstUnasked(in applicable, in facts, in judge, allowedBy) is CompiledRule custom)
        {
            return new PolicyDecision
            {
                Outcome = PolicyOutcome.Denied,
                Reason = custom.Policy.Authorizer is null ? PolicyReason.AuthorizerMissing : PolicyReason.AuthorizerNotAsked,
                DecidedBy = custom.Name,
            };
        }

        // 3. One DENY that matches ends it, whatever has not arrived.
        if (applicable.FirstMatch(PolicyAction.Deny, isDryRun: false, in facts, in judge) is CompiledRule deny)
        {
            return new PolicyDecision { Outcome = PolicyOutcome.Denied, Reason = PolicyReason.DenyRuleMatched, DecidedBy = deny.Name };
        }

        // 4. A policy that has not arrived is never taken for one that does not exist.
        if (applicable.MissingPolicy is string missing)
        {
            return new PolicyDecision { Outcome = PolicyOutcome.Pending, Reason = PolicyReason.PolicyNotArrived, MissingPolicy = missing };
        }

        CompiledRule? allow = applicable.FirstMatch(PolicyAction.Allow, isDryRun: false, in facts, in judge);
        PolicyDecision decision = (allow, applicable.FirstAllow) switch
        {
            // 5.
            (null, null) => new PolicyDecision { Outcome = PolicyOutcome.Allowed, Reason = PolicyReason.NoAllowPolicyApplies },

            // 6.
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
        return applicable.HasDryRun ? WithDryRun(decision, in applicable, in facts, in judge) : decision;
    }

    private static CompiledRule? FirstUnasked<TJudge>(
        scoped in Applicable applicable, in ConnectionFacts facts, scoped ref readonly TJudge judge, AuthorizerAnswers? allowedBy)
        where TJudge : IRuleJudge, allows ref struct
    {
        if (allowedBy is null || !applicable.HasAuthorizers)
        {
            return applicable.FirstMatch(PolicyAction.Custom, isDryRun: false, in facts, in judge);
        }

        var unasked = new UnaskedJudge<TJudge>(judge, allowedBy);
        return applicable.FirstMatch(PolicyAction.Custom, isDryRun: false, in facts, in unasked);
    }

    /// <summary>Adds what the outcome would be if dry-run policies were applied as well.</summary>
    private static PolicyDecision WithDryRun<TJudge>(
        PolicyDecision decision, scoped in Applicable applicable, in ConnectionFacts facts, scoped ref readonly TJudge judge)
        where TJudge : IRuleJudge, allows ref struct
    {
        if (applicable.FirstMatch(PolicyAction.Deny, isDryRun: true, in facts, in judge) is CompiledRule deny)
        {
            return decision with { DryRunOutcome = PolicyOutcome.Denied, DryRunDecidedBy = deny.Name };
        }

        if (decision.Reason == PolicyReason.AllowRuleMatched || applicable.FirstDryRunAllow is not AuthorizationPolicy first)
        {
            return decision with { DryRunOutcome = decision.Outcome };
        }

        return applicable.FirstMatch(PolicyAction.Allow, isDryRun: true, in facts, in judge) is CompiledRule allow
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
            AsksRequests = _global.AsksRequests || _namespace.AsksRequests;
            HasAuthorizers = _global.HasAuthorizers || _namespace.HasAuthorizers;
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
                AsksRequests |= named.AsksRequests;
                HasAuthorizers |= named.HasAuthorizers;
            }
        }

        /// <summary>The first policy the workload names that has not arrived.</summary>
        public string? MissingPolicy { get; }

        public AuthorizationPolicy? FirstAllow { get; }

        public AuthorizationPolicy? FirstDryRunAllow { get; }

        public bool HasDryRun { get; }

        public bool AsksRequests { get; }

        /// <summary>Some rule asks an authorizer that is there to be asked.</summary>
        public bool HasAuthorizers { get; }

        public CompiledRule? FirstMatch<TJudge>(
            PolicyAction action, bool isDryRun, in ConnectionFacts facts, scoped ref readonly TJudge judge)
            where TJudge : IRuleJudge, allows ref struct =>
            Rules(_global, action, isDryRun).FirstMatch(in facts, in judge)
            ?? Rules(_namespace, action, isDryRun).FirstMatch(in facts, in judge)
            ?? FirstNamedMatch(action, isDryRun, in facts, in judge);

        private CompiledRule? FirstNamedMatch<TJudge>(
            PolicyAction action, bool isDryRun, in ConnectionFacts facts, scoped ref readonly TJudge judge)
            where TJudge : IRuleJudge, allows ref struct
        {
            foreach (string key in _destination.AuthorizationPolicies)
            {
                if (_policies.Named(key) is PolicyGroup named
                    && Rules(named, action, isDryRun).FirstMatch(in facts, in judge) is CompiledRule rule)
                {
                    return rule;
                }
            }

            return null;
        }

        private static RuleSet Rules(PolicyGroup group, PolicyAction action, bool isDryRun) => (action, isDryRun) switch
        {
            (PolicyAction.Custom, _) => group.Custom,
            (PolicyAction.Deny, false) => group.Deny,
            (PolicyAction.Deny, true) => group.DryRunDeny,
            (_, false) => group.Allow,
            (_, true) => group.DryRunAllow,
        };
    }
}
