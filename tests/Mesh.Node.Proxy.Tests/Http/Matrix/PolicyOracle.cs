using System.Net;
using Mesh.Node.Model.Policies;

namespace Mesh.Node.Proxy.Tests.Http.Matrix;

/// <summary>A request, and who asks: what policies can see of it.</summary>
/// <param name="Method">Its method.</param>
/// <param name="Path">Its path in normal form.</param>
/// <param name="Host">Its host, without a port.</param>
/// <param name="Headers">Its fields, by names in lower case.</param>
/// <param name="Account">The client's service account in namespace shop of cluster.local; null in plaintext.</param>
/// <param name="Address">The client's address.</param>
/// <param name="Port">The application's port.</param>
/// <param name="Token">The claims of its verified token; null without one. Lists are more than one value.</param>
internal sealed record Asked(
    string Method,
    string Path,
    string Host,
    IReadOnlyDictionary<string, string> Headers,
    string? Account,
    IPAddress Address,
    int Port,
    IReadOnlyDictionary<string, string[]>? Token);

/// <summary>
/// What Istio documents of AuthorizationPolicy, in the plainest words: lists are walked, texts compared as they are, and nothing is shared
/// with what it judges.
/// </summary>
internal static class PolicyOracle
{
    private static readonly string[] s_spaced = ["scope", "permission"];

    /// <summary>CUSTOM whose provider nobody knows denies, then DENY, then no ALLOW at all, then any ALLOW.</summary>
    public static bool Allows(IReadOnlyList<PolicySpec> policies, Asked asked)
    {
        return !Matches(PolicyAction.Custom)
            && !Matches(PolicyAction.Deny)
            && (policies.All(policy => policy.Action != PolicyAction.Allow) || Matches(PolicyAction.Allow));

        bool Matches(PolicyAction action) =>
            policies.Any(policy => policy.Action == action && policy.Rules.Any(rule => Holds(rule, asked)));
    }

    private static bool Holds(RuleSpec rule, Asked asked) =>
        (rule.From.Length == 0 || rule.From.Any(block => Holds(block, asked)))
        && (rule.To.Length == 0 || rule.To.Any(block => Holds(block, asked)))
        && rule.When.All(condition => Holds(condition, asked));

    private static bool Holds(BlockSpec block, Asked asked) => block.Fields.All(field =>
    {
        bool isNegative = field.Key.StartsWith("not", StringComparison.Ordinal);
        string name = isNegative ? char.ToLowerInvariant(field.Key[3]) + field.Key[4..] : field.Key;
        bool isAny = field.Value.Any(wanted => ValuesOf(name, asked).Any(value => IsAlike(name, wanted, value)));
        return isAny != isNegative;
    });

    private static bool Holds(ConditionSpec condition, Asked asked)
    {
        string[] values = ValuesOf(condition.Key, asked);
        bool IsIn(string[] wanted) => wanted.Any(one => values.Any(value => IsAlike(condition.Key, one, value)));
        return (condition.Values.Length == 0 || IsIn(condition.Values)) && !IsIn(condition.NotValues);
    }

    /// <summary>What a request has of something; nothing where it does not have it.</summary>
    private static string[] ValuesOf(string name, Asked asked)
    {
        string[] names = name.Split('[', ']').Where(part => part.Length > 0).ToArray();
        return names[0] switch
        {
            "principals" or "source.principal" => asked.Account is null ? [] : [$"cluster.local/ns/shop/sa/{asked.Account}"],
            "namespaces" or "source.namespace" => asked.Account is null ? [] : ["shop"],
            "serviceAccounts" => asked.Account is null ? [] : [$"shop/{asked.Account}"],
            "ipBlocks" => [asked.Address.ToString()],
            "ports" or "destination.port" => [$"{asked.Port}"],
            "methods" => [asked.Method],
            "paths" => [asked.Path],
            "hosts" => [asked.Host],
            "request.headers" => asked.Headers.TryGetValue(names[1], out string? value) ? [value] : [],
            "requestPrincipals" or "request.auth.principal" =>
                asked.Token is null ? [] : [$"{asked.Token["iss"][0]}/{asked.Token["sub"][0]}"],
            "request.auth.audiences" => Claim("aud"),
            "request.auth.presenter" => Claim("azp"),
            "request.auth.claims" when s_spaced.Contains(names[1]) => [.. Claim(names[1]).SelectMany(text => text.Split(' '))],
            "request.auth.claims" => Claim(names[1]),
            _ => throw new ArgumentException(name, nameof(name)),
        };

        string[] Claim(string claim) => asked.Token?.GetValueOrDefault(claim) ?? [];
    }

    private static bool IsAlike(string name, string wanted, string value)
    {
        StringComparison comparison = name == "hosts" ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;
        return name switch
        {
            "ipBlocks" => IPNetwork.Parse(wanted).Contains(IPAddress.Parse(value)),
            "paths" when wanted.Contains('{', StringComparison.Ordinal) => FitsTemplate(wanted.Split('/'), value.Split('/')),
            _ when wanted == "*" => value.Length > 0,
            _ when wanted.StartsWith('*') => value.EndsWith(wanted[1..], comparison),
            _ when wanted.EndsWith('*') => value.StartsWith(wanted[..^1], comparison),
            _ => wanted.Equals(value, comparison),
        };
    }

    private static bool FitsTemplate(string[] wanted, string[] segments)
    {
        for (int index = 0; index < wanted.Length; index++)
        {
            if (wanted[index] == "{**}")
            {
                return segments.Length > index;
            }

            if (index >= segments.Length || (wanted[index] == "{*}" ? segments[index].Length == 0 : segments[index] != wanted[index]))
            {
                return false;
            }
        }

        return wanted.Length == segments.Length;
    }
}
