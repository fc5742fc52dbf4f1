using Mesh.Node.Model.Policies;

namespace Mesh.Node.Proxy.Tests.Http.Matrix;

/// <summary>Writes policies of every field and form, the same for the same seed.</summary>
internal sealed class PolicyGenerator(int seed)
{
    private static readonly (string Name, string[] Values)[] s_sources =
    [
        ("principals",
        [
            "cluster.local/ns/shop/sa/client", "cluster.local/ns/shop/sa/other", "cluster.local/ns/else/sa/client",
            "cluster.local/*", "*/sa/other", "*",
        ]),
        ("namespaces", ["shop", "else", "sh*", "*op", "*"]),
        ("serviceAccounts", ["shop/client", "shop/other", "else/client"]),
        ("ipBlocks", ["10.9.1.2/32", "10.9.3.0/24", "10.9.0.0/16", "192.0.2.0/24"]),
    ];

    private static readonly (string Name, string[] Values) s_requestSources =
        ("requestPrincipals", ["https://issuer.example/alice", "https://issuer.example/*", "*/bob", "*", "https://else.example/alice"]);

    private static readonly (string Name, string[] Values)[] s_operations =
    [
        ("methods", ["GET", "POST", "DELETE", "get", "*"]),
        ("paths", ["/", "/a", "/a/b", "/a*", "*/b", "/public/*", "/admin", "/A", "*", "/{*}/b", "/a/{**}", "/{*}", "/{*}/{*}"]),
        ("hosts", ["server", "SERVER", "ser*", "*ver", "else"]),
        ("ports", ["8080", "80"]),
    ];

    private static readonly (string Name, string[] Values)[] s_conditions =
    [
        ("request.headers[x-role]", ["admin", "guest", "ad*", "*"]),
        ("source.principal", ["cluster.local/ns/shop/sa/client", "*/sa/other", "*"]),
        ("source.namespace", ["shop", "else"]),
        ("destination.port", ["8080", "80"]),
    ];

    private static readonly (string Name, string[] Values)[] s_requestConditions =
    [
        ("request.auth.claims[role]", ["admin", "guest", "*min", "*"]),
        ("request.auth.claims[scope]", ["read", "write", "read write"]),
        ("request.auth.principal", ["https://issuer.example/alice", "*"]),
        ("request.auth.audiences", ["shop", "else"]),
        ("request.auth.presenter", ["app", "else"]),
    ];

    private readonly Random _random = new(seed);

    /// <summary>One to three policies.</summary>
    public PolicySpec[] Policies() => [.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Policy())];

    private PolicySpec Policy()
    {
        PolicyAction action = _random.Next(9) switch { < 5 => PolicyAction.Allow, < 8 => PolicyAction.Deny, _ => PolicyAction.Custom };
        bool knowsTokens = action != PolicyAction.Custom;
        return new PolicySpec(action, [.. Enumerable.Range(0, _random.Next(1, 3)).Select(_ => Rule(knowsTokens))]);
    }

    private RuleSpec Rule(bool knowsTokens)
    {
        (string, string[])[] sources = knowsTokens ? [.. s_sources, s_requestSources] : s_sources;
        (string, string[])[] conditions = knowsTokens ? [.. s_conditions, .. s_requestConditions] : s_conditions;
        return new RuleSpec(
            [.. Enumerable.Range(0, _random.Next(0, 3)).Select(_ => Block(sources))],
            [.. Enumerable.Range(0, _random.Next(0, 3)).Select(_ => Block(s_operations))],
            [.. Enumerable.Range(0, _random.Next(0, 2)).Select(_ => Condition(conditions))]);
    }

    private BlockSpec Block((string Name, string[] Values)[] fields)
    {
        Dictionary<string, string[]> block = [];
        foreach ((string name, string[] values) in _random.GetItems(fields, _random.Next(1, 3)))
        {
            // Accounts stand beside no principals and no namespaces.
            bool isAccount = name == "serviceAccounts";
            if (!block.Keys.Any(other => isAccount || other.EndsWith("erviceAccounts", StringComparison.Ordinal)))
            {
                block[_random.Next(4) == 0 ? $"not{char.ToUpperInvariant(name[0])}{name[1..]}" : name] = Some(values);
            }
        }

        return new BlockSpec(block);
    }

    private ConditionSpec Condition((string Name, string[] Values)[] conditions)
    {
        (string name, string[] values) = conditions[_random.Next(conditions.Length)];
        return _random.Next(3) switch
        {
            0 => new ConditionSpec(name, [], Some(values)),
            1 => new ConditionSpec(name, Some(values), Some(values)),
            _ => new ConditionSpec(name, Some(values), []),
        };
    }

    private string[] Some(string[] values) => [.. _random.GetItems(values, _random.Next(1, 3)).Distinct()];
}
