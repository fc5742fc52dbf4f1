using System.Collections.Immutable;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies.Tokens;

/// <summary>The token rules of all policies that apply to one workload, in the order of their issuers. Immutable; any thread.</summary>
public sealed class TokenRules
{
    private TokenRules(ImmutableArray<TokenRule> rules)
    {
        All = rules;
        Outputs =
        [
            .. rules
                .SelectMany(rule => rule.ClaimFields.Select(field => field.Name).Concat(rule.PayloadField is { } payload ? [payload] : []))
                .DistinctBy(name => name.Text, StringComparer.Ordinal),
        ];
    }

    public static TokenRules Empty { get; } = new([]);

    public ImmutableArray<TokenRule> All { get; }

    /// <summary>The fields that tell applications of tokens: nobody else may set them.</summary>
    public ImmutableArray<HeaderName> Outputs { get; }

    public bool IsEmpty => All.IsEmpty;

    /// <summary>Joins rules. The same rules are joined to the same order.</summary>
    public static TokenRules Of(IEnumerable<TokenRule> rules)
    {
        ImmutableArray<TokenRule> sorted = [.. rules.OrderBy(rule => rule.Issuer, StringComparer.Ordinal)];
        return sorted.IsEmpty ? Empty : new TokenRules(sorted);
    }

    /// <summary>Whether tokens of an issuer are still accepted at all.</summary>
    public bool Accepts(string issuer)
    {
        foreach (TokenRule rule in All)
        {
            if (rule.Issuer.Length == 0 || rule.Issuer == issuer)
            {
                return true;
            }
        }

        return false;
    }
}
