using System.Collections.Immutable;
using System.Net;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Tests.Routing;

namespace Mesh.Node.Model.Tests.Policies.Requests;

/// <summary>Conditions on requests and requests, from one small vocabulary.</summary>
internal sealed class RandomRequests(Random random)
{
    private static readonly string[] s_methods = ["GET", "POST", "get"];
    private static readonly string[] s_hosts = ["a.example", "A.example:80", "b.example", "b.example.", "a.example.:8080", "[fd00::1]:80", ""];
    private static readonly string[] s_paths = ["/", "/a", "/a/b", "/a/b/c", "/a/", "/x/b", "/a//c"];
    private static readonly string[] s_templates = ["/{*}", "/a/{*}", "/{*}/b", "/a/{**}", "/{*}/b/{**}", "/{**}/c", "/{**}"];
    private static readonly string[] s_headers = ["x-one", "X-Two", ":method", "Host"];
    private static readonly string[] s_values = ["one", "two", "", "one,two"];
    private static readonly string[] s_principals = ["https://a.example/alice", "https://b.example/bob"];
    private static readonly string[] s_remotes = ["203.0.113.1", "203.0.113.2", "fd00::9"];

    public RequestConditions Conditions()
    {
        var conditions = new RequestConditions();
        for (int field = 0; field <= random.Next(2); field++)
        {
            conditions = WithField(conditions);
        }

        return conditions;
    }

    public (TextRequest Request, RequestOrigin Origin) Request()
    {
        var request = new TextRequest(One(s_paths)) { Verb = One(s_methods), Host = One(s_hosts) };
        foreach (string name in new[] { "x-one", "x-two" }.Where(_ => random.Next(2) == 0))
        {
            request.Fields[name] = One(s_values);
        }

        return (request, new RequestOrigin(IpValue.From(IPAddress.Parse(One(s_remotes))), random.Next(3) == 0 ? null : Identity()));
    }

    private TextIdentity Identity() => new(One(s_principals))
    {
        For = random.Next(3) == 0 ? [] : [One(s_values), One(s_values)],
        Presenter = random.Next(3) == 0 ? null : One(s_values),
        Claims = new() { ["role"] = [One(s_values)], ["nested/role"] = [One(s_values), One(s_values)] },
    };

    private RequestConditions WithField(RequestConditions conditions) => random.Next(18) switch
    {
        0 => conditions with { Methods = Texts(s_methods) },
        1 => conditions with { NotMethods = Texts(s_methods) },
        2 => conditions with { Hosts = Texts(s_hosts) },
        3 => conditions with { NotHosts = Texts(s_hosts) },
        4 => conditions with { Paths = Texts(s_paths) },
        5 => conditions with { NotPaths = Texts(s_paths) },
        6 => conditions with { PathTemplates = Templates() },
        7 => conditions with { NotPathTemplates = Templates() },
        8 or 9 => conditions with { Headers = [new HeaderCondition(One(s_headers), Maybe(s_values), Maybe(s_values))] },
        10 => conditions with { RemoteAddresses = [IpPrefix.Parse(One(s_remotes))] },
        11 => conditions with { NotRemoteAddresses = [IpPrefix.Parse(One(s_remotes))] },
        12 => conditions with { Principals = Texts(s_principals) },
        13 => conditions with { NotPrincipals = Texts(s_principals) },
        14 => conditions with { Audiences = Texts(s_values) },
        15 => conditions with { NotAudiences = Texts(s_values), Presenters = Maybe(s_values) },
        16 => conditions with { NotPresenters = Texts(s_values) },
        _ => conditions with { Claims = [new ClaimCondition(random.Next(2) == 0 ? ["role"] : ["nested", "role"], Maybe(s_values), Maybe(s_values))] },
    };

    private ImmutableArray<TextMatch> Maybe(string[] vocabulary) => random.Next(3) == 0 ? [] : Texts(vocabulary);

    private ImmutableArray<TextMatch> Texts(string[] vocabulary) =>
        [.. Enumerable.Range(0, random.Next(20) == 0 ? 30 : 1 + random.Next(2)).Select(_ => Text(One(vocabulary)))];

    private TextMatch Text(string whole) => random.Next(6) switch
    {
        0 => TextMatch.Prefix(whole[..random.Next(whole.Length + 1)]),
        1 => TextMatch.Suffix(whole[random.Next(whole.Length + 1)..]),
        2 when random.Next(3) == 0 => TextMatch.Present,
        _ => TextMatch.Exact(whole),
    };

    private ImmutableArray<PathTemplate> Templates() =>
        [PathTemplate.TryParse(One(s_templates), out PathTemplate? template) ? template : throw new InvalidOperationException("Not a template.")];

    private T One<T>(IReadOnlyList<T> values) => values[random.Next(values.Count)];
}
