using System.Collections.Immutable;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies.Limits;

/// <summary>A limit of a policy, ready to be asked. Immutable; any thread.</summary>
public sealed class CompiledRateLimit
{
    private readonly CompiledRule _match;

    private CompiledRateLimit(AuthorizationPolicy policy, int index, CompiledRule match)
    {
        Name = new PolicyRuleName(policy, index);
        Limit = policy.RateLimits[index];
        _match = match;
    }

    /// <summary>The policy, and the limit's position in it, from 0.</summary>
    public PolicyRuleName Name { get; }

    public RateLimit Limit { get; }

    /// <summary>Whether a request counts. No allocation.</summary>
    public bool Matches<TRequest>(in ConnectionFacts facts, in RequestOrigin origin, scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct => _match.Matches(in facts, in origin, in request);

    /// <summary>The limits of a policy that can hold for something. What is not understood of a condition makes it hold for more.</summary>
    internal static ImmutableArray<CompiledRateLimit> Compile(AuthorizationPolicy policy)
    {
        if (policy.RateLimits.IsEmpty)
        {
            return [];
        }

        AuthorizationPolicy rules = policy with
        {
            Action = PolicyAction.Deny,
            Rules = [.. policy.RateLimits.Select(limit => limit.Match)],
        };
        ImmutableArray<CompiledRateLimit>.Builder compiled = ImmutableArray.CreateBuilder<CompiledRateLimit>();
        for (int index = 0; index < rules.Rules.Length; index++)
        {
            if (CompiledRule.TryCreate(rules, index, out CompiledRule? match))
            {
                compiled.Add(new CompiledRateLimit(policy, index, match));
            }
        }

        return compiled.ToImmutable();
    }
}
