using Mesh.Node.Model.Policies.Authorizers;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// Judges a connection inside which nobody will judge requests: what a rule asks of them is then taken strictly. ALLOW does not match,
/// anything else matches without it.
/// </summary>
internal readonly ref struct StrictJudge(ref readonly ConnectionFacts facts) : IRuleJudge
{
    private readonly ref readonly ConnectionFacts _facts = ref facts;

    public bool Matches(CompiledRule rule) =>
        rule.Ask(in _facts) >= (rule.Policy.Action == PolicyAction.Allow ? MatchAnswer.Yes : MatchAnswer.Depends);
}

/// <summary>Finds the rules of which the connection alone says one thing.</summary>
/// <param name="facts">The connection.</param>
/// <param name="answer">What it says of them.</param>
internal readonly ref struct AnswerJudge(ref readonly ConnectionFacts facts, MatchAnswer answer) : IRuleJudge
{
    private readonly ref readonly ConnectionFacts _facts = ref facts;

    public bool Matches(CompiledRule rule) => rule.Ask(in _facts) == answer;
}

/// <summary>Finds the CUSTOM rules whose authorizer is still to be asked, or cannot be.</summary>
/// <param name="judge">Says which rules match at all.</param>
/// <param name="allowedBy">The authorizers that were asked and have allowed it.</param>
internal readonly ref struct UnaskedJudge<TJudge>(TJudge judge, AuthorizerAnswers allowedBy) : IRuleJudge
    where TJudge : IRuleJudge, allows ref struct
{
    private readonly TJudge _judge = judge;

    public bool Matches(CompiledRule rule) => !allowedBy.Covers(rule.Policy.Authorizer) && _judge.Matches(rule);
}
