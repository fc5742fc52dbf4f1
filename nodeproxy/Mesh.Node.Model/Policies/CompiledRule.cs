using System.Diagnostics.CodeAnalysis;

namespace Mesh.Node.Model.Policies;

/// <summary>One rule ready to be asked, and its name. Immutable; any thread.</summary>
internal sealed class CompiledRule
{
    /// <summary>
    /// Clauses that say something, each with the matches that can hold; clauses without matches hold always and are left out.
    /// </summary>
    private readonly CompiledMatch[][] _clauses;

    private CompiledRule(AuthorizationPolicy policy, int ruleIndex, CompiledMatch[][] clauses)
    {
        Policy = policy;
        RuleIndex = ruleIndex;
        _clauses = clauses;
    }

    public AuthorizationPolicy Policy { get; }

    public int RuleIndex { get; }

    public PolicyRuleName Name => new(Policy, RuleIndex);

    public AuthorizationRule Source => Policy.Rules[RuleIndex];

    /// <summary>Compiles a rule.</summary>
    /// <returns>False when it can match nothing: a clause has matches and none of them can hold.</returns>
    public static bool TryCreate(AuthorizationPolicy policy, int ruleIndex, [NotNullWhen(true)] out CompiledRule? rule)
    {
        rule = null;
        var clauses = new List<CompiledMatch[]>();
        foreach (AuthorizationClause clause in policy.Rules[ruleIndex].Clauses)
        {
            if (clause.Matches.IsEmpty)
            {
                continue;
            }

            CompiledMatch[] matches =
            [
                .. clause.Matches.Where(match => CompiledMatch.CanHold(match, policy.Action)).Select(match => new CompiledMatch(match)),
            ];
            if (matches.Length == 0)
            {
                return false;
            }

            clauses.Add(matches);
        }

        rule = new CompiledRule(policy, ruleIndex, [.. clauses]);
        return true;
    }

    /// <summary>True when every clause holds. No allocation.</summary>
    public bool Matches(in ConnectionFacts facts)
    {
        foreach (CompiledMatch[] clause in _clauses)
        {
            if (!AnyHolds(clause, facts))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AnyHolds(CompiledMatch[] clause, in ConnectionFacts facts)
    {
        foreach (CompiledMatch match in clause)
        {
            if (match.Holds(facts))
            {
                return true;
            }
        }

        return false;
    }
}
