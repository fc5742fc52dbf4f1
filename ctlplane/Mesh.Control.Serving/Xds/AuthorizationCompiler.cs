using System.Collections.Immutable;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Keys;
using Wire = Mesh.Api.Security;

namespace Mesh.Control.Serving.Xds;

/// <summary>
/// Policies of the model as <c>istio.security.Authorization</c> resources, in two forms: whole for this mesh's own proxies, and for those
/// of ambient a form that speaks of connections alone and is never looser. Pure.
/// </summary>
internal static class AuthorizationCompiler
{
    /// <param name="policy">The policy.</param>
    /// <param name="keys">The keys its token rules refer to; null where nobody has any.</param>
    public static ServedResource Compile(AuthorizationPolicy policy, IKeyReader? keys = null)
    {
        Wire.Authorization plain = HeadOf(policy);
        plain.Rules.AddRange(policy.Rules.Select(rule => PlainOf(rule, policy.Action)).OfType<Wire.Rule>());
        bool isPlain = policy.Action != PolicyAction.Custom
            && policy.TokenRules.IsEmpty
            && policy.RateLimits.IsEmpty
            && policy.Rules.All(rule => rule.Clauses.All(clause => clause.Matches.All(match => match.IsPlain)));
        if (isPlain)
        {
            return ServedResource.Of(TypeUrls.Authorization, policy.FullName, plain);
        }

        Wire.Authorization whole = HeadOf(policy);
        whole.Rules.AddRange(policy.Rules.Select(WholeOf));
        if (policy.Action == PolicyAction.Custom)
        {
            whole.Extensions.Add(new Wire.Extension
            {
                Name = PolicyExtensions.Custom,
                Config = Any.Pack(AuthorizerCompiler.WireOf(policy)),
            });
        }

        if (!policy.TokenRules.IsEmpty)
        {
            whole.Extensions.Add(new Wire.Extension
            {
                Name = PolicyExtensions.RequestAuthentication,
                Config = Any.Pack(TokenRuleCompiler.WireOf(policy.TokenRules, keys)),
            });
        }

        if (!policy.RateLimits.IsEmpty)
        {
            whole.Extensions.Add(new Wire.Extension
            {
                Name = PolicyExtensions.RateLimits,
                Config = Any.Pack(WireOf(policy.RateLimits)),
            });
        }

        return ServedResource.OfForms(TypeUrls.Authorization, policy.FullName, plain, whole);
    }

    private static Wire.Authorization HeadOf(AuthorizationPolicy policy) => new()
    {
        Name = policy.Name,
        Namespace = policy.Namespace,
        Scope = policy.Scope switch
        {
            PolicyScope.Mesh => Wire.Scope.Global,
            PolicyScope.Namespace => Wire.Scope.Namespace,
            _ => Wire.Scope.WorkloadSelector,
        },

        // Whoever cannot ask an authorizer denies what one was to decide.
        Action = policy.Action == PolicyAction.Allow ? Wire.Action.Allow : Wire.Action.Deny,
        DryRun = policy.IsDryRun,
    };

    private static RateLimits WireOf(ImmutableArray<Model.Canonical.RateLimit> limits)
    {
        var wire = new RateLimits();
        wire.Limits.AddRange(limits.Select(limit => new Mesh.Api.Policies.RateLimit
        {
            Match = limit.Match.Clauses.IsEmpty ? null : WholeOf(limit.Match),
            Requests = (uint)limit.Requests,
            Interval = limit.Interval.ToDuration(),
            Burst = (uint)limit.Burst,
            ByClient = limit.IsByClient,
        }));
        return wire;
    }

    private static Wire.Rule WholeOf(PolicyRule rule)
    {
        var wire = new Wire.Rule();
        foreach (PolicyClause clause in rule.Clauses)
        {
            var wireClause = new Wire.Clause();
            wireClause.Matches.AddRange(clause.Matches.Select(MatchCompiler.Whole));
            wire.Clauses.Add(wireClause);
        }

        return wire;
    }

    /// <summary>
    /// The rule about connections alone: one of ALLOW that asks for more admits nothing and is left out, any other holds without what it
    /// asks for.
    /// </summary>
    /// <returns>Null when the rule is left out.</returns>
    private static Wire.Rule? PlainOf(PolicyRule rule, PolicyAction action)
    {
        var wire = new Wire.Rule();
        foreach (PolicyClause clause in rule.Clauses)
        {
            if (action == PolicyAction.Allow && !clause.Matches.All(match => match.IsPlain))
            {
                return null;
            }

            // What asks nothing of connections holds for all of them, and evaluators must never see an empty match.
            if (clause.Matches.Any(match => match.IsPlainPartEmpty))
            {
                continue;
            }

            var wireClause = new Wire.Clause();
            wireClause.Matches.AddRange(clause.Matches.Select(MatchCompiler.Plain));
            wire.Clauses.Add(wireClause);
        }

        return wire;
    }
}
