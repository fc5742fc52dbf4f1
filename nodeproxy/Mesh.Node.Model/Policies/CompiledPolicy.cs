using System.Collections.Immutable;
using Mesh.Node.Model.Policies.Limits;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// A policy and its compiled rules: compiled once, when it arrives, and shared by every group it is in. Immutable; any thread.
/// </summary>
internal sealed class CompiledPolicy
{
    public CompiledPolicy(AuthorizationPolicy policy)
    {
        Policy = policy;
        Rules = policy.HasUnsupported && policy.Action == PolicyAction.Allow ? [] : Compile(policy);
        RateLimits = CompiledRateLimit.Compile(policy);
        Alone = PolicyGroup.Create([this]);
    }

    public AuthorizationPolicy Policy { get; }

    /// <summary>The rules that can match something, in order.</summary>
    public CompiledRule[] Rules { get; }

    /// <summary>In order.</summary>
    public ImmutableArray<CompiledRateLimit> RateLimits { get; }

    /// <summary>The policy as a group of one, for workloads that name it.</summary>
    public PolicyGroup Alone { get; }

    private static CompiledRule[] Compile(AuthorizationPolicy policy)
    {
        var rules = new List<CompiledRule>(policy.Rules.Length);
        for (int ruleIndex = 0; ruleIndex < policy.Rules.Length; ruleIndex++)
        {
            if (CompiledRule.TryCreate(policy, ruleIndex, out CompiledRule? rule))
            {
                rules.Add(rule);
            }
        }

        return [.. rules];
    }
}
