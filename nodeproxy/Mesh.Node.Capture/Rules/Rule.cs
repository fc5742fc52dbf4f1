using System.Collections.Immutable;

namespace Mesh.Node.Capture.Rules;

/// <summary>One rule on the packets of its chain: all matches hold, then the action. A rule without matches always acts.</summary>
internal sealed record Rule(RuleAction Action, ImmutableArray<RuleMatch> Matches)
{
    public static Rule When(RuleAction action, params ImmutableArray<RuleMatch> matches) => new(action, matches);
}
