using System.Diagnostics.CodeAnalysis;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;

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
        AsksRequests = clauses.Any(clause => clause.Any(match => match.AsksRequests));
    }

    public AuthorizationPolicy Policy { get; }

    public int RuleIndex { get; }

    /// <summary>Something is asked that only what goes through the connection can say.</summary>
    public bool AsksRequests { get; }

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
                .. clause.Matches
                    .Where(match => CompiledMatch.CanHold(match, policy.Action))
                    .Select(match => new CompiledMatch(match, policy.Action)),
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

    /// <summary>What the connection alone says. No allocation.</summary>
    public MatchAnswer Ask(in ConnectionFacts facts)
    {
        MatchAnswer all = MatchAnswer.Yes;
        foreach (CompiledMatch[] clause in _clauses)
        {
            MatchAnswer any = MatchAnswer.No;
            foreach (CompiledMatch match in clause)
            {
                MatchAnswer answer = match.Ask(in facts);
                any = answer > any ? answer : any;
                if (any == MatchAnswer.Yes)
                {
                    break;
                }
            }

            if (any == MatchAnswer.No)
            {
                return MatchAnswer.No;
            }

            all = any < all ? any : all;
        }

        return all;
    }

    /// <summary>True when every clause holds for a request. No allocation.</summary>
    public bool Matches<TRequest>(in ConnectionFacts facts, in RequestOrigin origin, scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct
    {
        foreach (CompiledMatch[] clause in _clauses)
        {
            if (!AnyHolds(clause, in facts, in origin, in request))
            {
                return false;
            }
        }

        return true;
    }

    private static bool AnyHolds<TRequest>(
        CompiledMatch[] clause, in ConnectionFacts facts, in RequestOrigin origin, scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct
    {
        foreach (CompiledMatch match in clause)
        {
            if (match.Holds(in facts, in origin, in request))
            {
                return true;
            }
        }

        return false;
    }
}
