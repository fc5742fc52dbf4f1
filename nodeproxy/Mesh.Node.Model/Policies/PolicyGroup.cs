using System.Collections.Immutable;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Policies.Tokens;

namespace Mesh.Node.Model.Policies;

/// <summary>Policies that apply together, compiled by what they do. Immutable; any thread.</summary>
internal sealed class PolicyGroup
{
    private PolicyGroup(ImmutableArray<CompiledPolicy> policies)
    {
        Policies = policies;
        Custom = RuleSet.Create(policies.Where(policy => policy.Policy.Action == PolicyAction.Custom));
        Deny = Compile(PolicyAction.Deny, isDryRun: false);
        Allow = Compile(PolicyAction.Allow, isDryRun: false);
        DryRunDeny = Compile(PolicyAction.Deny, isDryRun: true);
        DryRunAllow = Compile(PolicyAction.Allow, isDryRun: true);
        FirstAllow = First(isDryRun: false);
        FirstDryRunAllow = First(isDryRun: true);
        HasAuthorizers = policies.Any(
            policy => policy is { Policy: { Action: PolicyAction.Custom, Authorizer: not null }, Rules.Length: > 0 });
        AsksRequests = HasAuthorizers || Custom.AsksRequests || Deny.AsksRequests || Allow.AsksRequests
            || DryRunDeny.AsksRequests || DryRunAllow.AsksRequests;
        HasDryRun = policies.Any(policy => policy.Policy.IsDryRun);
        RateLimits = [.. policies.SelectMany(policy => policy.RateLimits)];
        TokenRules = [.. policies.SelectMany(policy => policy.Policy.TokenRules)];
    }

    public static PolicyGroup Empty { get; } = new([]);

    /// <summary>In the order of their keys, so that the same policies always name the same rule.</summary>
    public ImmutableArray<CompiledPolicy> Policies { get; }

    /// <summary>Whoever is to be asked is always asked: there is no dry run of that.</summary>
    public RuleSet Custom { get; }

    public RuleSet Deny { get; }

    public RuleSet Allow { get; }

    public RuleSet DryRunDeny { get; }

    public RuleSet DryRunAllow { get; }

    /// <summary>Not null when the group has an ALLOW policy, be it one without rules: then what no rule allows is denied.</summary>
    public AuthorizationPolicy? FirstAllow { get; }

    public AuthorizationPolicy? FirstDryRunAllow { get; }

    public bool HasDryRun { get; }

    /// <summary>Some rule asks an authorizer, and there is one to be asked.</summary>
    public bool HasAuthorizers { get; }

    /// <summary>Some rule, be it of a dry run, asks something of requests, or has somebody asked about them.</summary>
    public bool AsksRequests { get; }

    /// <summary>Of all its policies, in their order.</summary>
    public ImmutableArray<CompiledRateLimit> RateLimits { get; }

    /// <summary>Of all its policies.</summary>
    public ImmutableArray<TokenRule> TokenRules { get; }

    public static PolicyGroup Create(IEnumerable<CompiledPolicy> policies)
    {
        ImmutableArray<CompiledPolicy> sorted = [.. policies.OrderBy(policy => policy.Policy.Key, StringComparer.Ordinal)];
        return sorted.IsEmpty ? Empty : new PolicyGroup(sorted);
    }

    private RuleSet Compile(PolicyAction action, bool isDryRun) =>
        RuleSet.Create(Policies.Where(policy => policy.Policy.Action == action && policy.Policy.IsDryRun == isDryRun));

    private AuthorizationPolicy? First(bool isDryRun) => Policies
        .Select(policy => policy.Policy)
        .FirstOrDefault(policy => policy.Action == PolicyAction.Allow && policy.IsDryRun == isDryRun);
}
