using System.Collections.Immutable;
using System.Globalization;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;

namespace Mesh.Node.Proxy.Tests.Http.Matrix;

/// <summary>A policy as its author writes it: fields by their names in an AuthorizationPolicy, values as texts.</summary>
internal sealed record PolicySpec(PolicyAction Action, RuleSpec[] Rules)
{
    public override string ToString() => $"{Action} [{string.Join(" | ", Rules.Select(rule => rule.ToString()))}]";

    public AuthorizationPolicy ToModel(string name) => new("shop", name)
    {
        Action = Action,
        Scope = PolicyScope.Namespace,
        Provider = Action == PolicyAction.Custom ? "nobody" : "",
        Rules = [.. Rules.Select(rule => rule.ToModel())],
    };
}

/// <summary>A rule: any of `from`, any of `to`, all of `when`.</summary>
internal sealed record RuleSpec(BlockSpec[] From, BlockSpec[] To, ConditionSpec[] When)
{
    public override string ToString() =>
        $"from {string.Join(" or ", From.Select(block => block.ToString()))} to {string.Join(" or ", To.Select(block => block.ToString()))}"
        + $" when {string.Join(" and ", When.Select(condition => condition.ToString()))}";

    public AuthorizationRule ToModel()
    {
        List<AuthorizationClause> clauses = [];
        foreach (BlockSpec[] blocks in (BlockSpec[][])[From, To])
        {
            if (blocks.Length > 0)
            {
                clauses.Add(new AuthorizationClause([.. blocks.Select(block => block.ToModel())]));
            }
        }

        clauses.AddRange(When.Select(condition => new AuthorizationClause([condition.ToModel()])));
        return new AuthorizationRule([.. clauses]);
    }
}

/// <summary>A source or an operation: fields that must all hold.</summary>
internal sealed record BlockSpec(IReadOnlyDictionary<string, string[]> Fields)
{
    public override string ToString() =>
        $"{{{string.Join(", ", Fields.Select(field => $"{field.Key}: {string.Join(' ', field.Value)}"))}}}";

    public AuthorizationMatch ToModel() => new()
    {
        Principals = Texts("principals"),
        NotPrincipals = Texts("notPrincipals"),
        Namespaces = Texts("namespaces"),
        NotNamespaces = Texts("notNamespaces"),
        ServiceAccounts = [.. Values("serviceAccounts").Select(Account)],
        NotServiceAccounts = [.. Values("notServiceAccounts").Select(Account)],
        SourceAddresses = [.. Values("ipBlocks").Select(IpPrefix.Parse)],
        NotSourceAddresses = [.. Values("notIpBlocks").Select(IpPrefix.Parse)],
        DestinationPorts = [.. Values("ports").Select(Port)],
        NotDestinationPorts = [.. Values("notPorts").Select(Port)],
        Request = RequestOf(new RequestConditions
        {
            Principals = Texts("requestPrincipals"),
            NotPrincipals = Texts("notRequestPrincipals"),
            Methods = Texts("methods"),
            NotMethods = Texts("notMethods"),
            Hosts = Texts("hosts"),
            NotHosts = Texts("notHosts"),
            Paths = [.. Values("paths").Where(value => !IsTemplate(value)).Select(Text)],
            NotPaths = [.. Values("notPaths").Where(value => !IsTemplate(value)).Select(Text)],
            PathTemplates = [.. Values("paths").Where(IsTemplate).Select(Template)],
            NotPathTemplates = [.. Values("notPaths").Where(IsTemplate).Select(Template)],
        }),
    };

    internal static TextMatch Text(string value) => value switch
    {
        "*" => TextMatch.Present,
        ['*', ..] => TextMatch.Suffix(value[1..]),
        [.., '*'] => TextMatch.Prefix(value[..^1]),
        _ => TextMatch.Exact(value),
    };

    internal static RequestConditions? RequestOf(RequestConditions conditions) => conditions.IsEmpty ? null : conditions;

    internal static ushort Port(string value) => ushort.Parse(value, CultureInfo.InvariantCulture);

    private static bool IsTemplate(string value) => value.Contains('{', StringComparison.Ordinal);

    private static PathTemplate Template(string value) =>
        PathTemplate.TryParse(value, out PathTemplate? template) ? template : throw new ArgumentException(value, nameof(value));

    private static ServiceAccountName Account(string value) => new(value.Split('/')[0], value.Split('/')[1]);

    private IEnumerable<string> Values(string name) => Fields.GetValueOrDefault(name) ?? [];

    private ImmutableArray<TextMatch> Texts(string name) => [.. Values(name).Select(Text)];
}

/// <summary>A condition of `when`.</summary>
internal sealed record ConditionSpec(string Key, string[] Values, string[] NotValues)
{
    public override string ToString() => $"{Key} in [{string.Join(' ', Values)}] and not in [{string.Join(' ', NotValues)}]";

    public AuthorizationMatch ToModel()
    {
        ImmutableArray<TextMatch> values = [.. Values.Select(BlockSpec.Text)];
        ImmutableArray<TextMatch> others = [.. NotValues.Select(BlockSpec.Text)];
        string[] names = Key.Split('[', ']').Where(part => part.Length > 0).ToArray();
        return names[0] switch
        {
            "request.headers" => OfRequest(new RequestConditions { Headers = [new HeaderCondition(names[1], values, others)] }),
            "request.auth.claims" => OfRequest(new RequestConditions { Claims = [new ClaimCondition([.. names[1..]], values, others)] }),
            "request.auth.principal" => OfRequest(new RequestConditions { Principals = values, NotPrincipals = others }),
            "request.auth.audiences" => OfRequest(new RequestConditions { Audiences = values, NotAudiences = others }),
            "request.auth.presenter" => OfRequest(new RequestConditions { Presenters = values, NotPresenters = others }),
            "source.namespace" => new AuthorizationMatch { Namespaces = values, NotNamespaces = others },
            "source.principal" => new AuthorizationMatch { Principals = values, NotPrincipals = others },
            "destination.port" => new AuthorizationMatch
            {
                DestinationPorts = [.. Values.Select(BlockSpec.Port)],
                NotDestinationPorts = [.. NotValues.Select(BlockSpec.Port)],
            },
            _ => throw new ArgumentException(Key, nameof(Key)),
        };

        static AuthorizationMatch OfRequest(RequestConditions conditions) => new() { Request = conditions };
    }
}
