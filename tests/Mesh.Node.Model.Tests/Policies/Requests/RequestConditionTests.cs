using System.Net;
using Mesh.Api.Policies;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Tests.Routing;
using Xunit;

namespace Mesh.Node.Model.Tests.Policies.Requests;

public sealed class RequestConditionTests
{
    [Theory]
    [InlineData(TextMatchKind.Exact, "GET", "GET", true)]
    [InlineData(TextMatchKind.Exact, "GET", "get", false)]
    [InlineData(TextMatchKind.Exact, "GET", "POST", false)]
    [InlineData(TextMatchKind.Prefix, "P", "POST", true)]
    [InlineData(TextMatchKind.Suffix, "ET", "GET", true)]
    [InlineData(TextMatchKind.Present, "", "ANY", true)]
    public void Methods_are_compared_with_case(TextMatchKind kind, string value, string method, bool holds) =>
        AssertHolds(holds, new TextRequest { Verb = method }, Both(texts => new() { Methods = texts }, texts => new() { NotMethods = texts }), new TextMatch(kind, value));

    [Theory]
    [InlineData(TextMatchKind.Exact, "/admin", "/admin", true)]
    [InlineData(TextMatchKind.Exact, "/admin", "/admin?x=/public", true)]
    [InlineData(TextMatchKind.Exact, "/admin", "/admin/", false)]
    [InlineData(TextMatchKind.Exact, "/admin", "/Admin", false)]
    [InlineData(TextMatchKind.Prefix, "/admin", "/administrator", true)]
    [InlineData(TextMatchKind.Prefix, "/admin/", "/admin", false)]
    [InlineData(TextMatchKind.Suffix, ".txt", "/a/b.txt", true)]
    [InlineData(TextMatchKind.Suffix, ".txt", "/a?b.txt", false)]
    [InlineData(TextMatchKind.Present, "", "/", true)]
    public void Paths_are_compared_without_the_query(TextMatchKind kind, string value, string target, bool holds) =>
        AssertHolds(holds, new TextRequest(target), Both(texts => new() { Paths = texts }, texts => new() { NotPaths = texts }), new TextMatch(kind, value));

    [Theory]
    [InlineData("/foo/bar", true)]
    [InlineData("/exact", true)]
    [InlineData("/foo/bar/baz", false)]
    public void Templates_are_further_alternatives_to_the_paths(string path, bool holds)
    {
        Assert.True(PathTemplate.TryParse("/foo/{*}", out PathTemplate? template));
        TextMatch[] texts = [TextMatch.Exact("/exact")];
        Assert.Equal(holds, Holds(new() { Paths = [.. texts], PathTemplates = [template] }, new TextRequest(path)));
        Assert.Equal(!holds, Holds(new() { NotPaths = [.. texts], NotPathTemplates = [template] }, new TextRequest(path)));
    }

    // Whether the host alone is compared besides depends on what makes the policy stricter.
    [Theory]
    [InlineData("a.example", "a.example", true, true)]
    [InlineData("a.example", "A.Example", true, true)]
    [InlineData("A.example", "a.example", true, true)]
    [InlineData("a.example", "b.example", false, false)]
    [InlineData("a.example", "a.example:8080", false, true)]
    [InlineData("a.example", "a.example.", false, true)]
    [InlineData("a.example", "a.example.:80", false, true)]
    [InlineData("a.example:8080", "a.example:8080", true, true)]
    [InlineData("a.example:8080", "a.example", false, false)]
    [InlineData("*.example", "shop.example:80", false, true)]
    [InlineData("*.example", "shop.example", true, true)]
    [InlineData("a.*", "a.example:80", true, true)]
    [InlineData("*", "anything", true, true)]
    [InlineData("*", "", false, false)]
    [InlineData("[fd00::1]", "[fd00::1]:80", false, true)]
    [InlineData("[fd00::1]", "[fd00::1]", true, true)]
    public void Hosts_are_compared_without_case_and_with_a_port_the_strict_way(string pattern, string authority, bool narrow, bool wide)
    {
        TextMatch text = Read(pattern);
        var request = new TextRequest { Host = authority };
        Assert.Equal(narrow, Holds(new() { Hosts = [text] }, request, action: PolicyAction.Allow));
        Assert.Equal(wide, Holds(new() { Hosts = [text] }, request, action: PolicyAction.Deny));
        Assert.Equal(wide, Holds(new() { Hosts = [text] }, request, action: PolicyAction.Custom));
        Assert.Equal(!wide, Holds(new() { NotHosts = [text] }, request, action: PolicyAction.Allow));
        Assert.Equal(!narrow, Holds(new() { NotHosts = [text] }, request, action: PolicyAction.Deny));
    }

    [Fact]
    public void An_authority_no_host_can_have_is_taken_strictly()
    {
        var request = new TextRequest { Host = new string('a', 600) };
        Assert.False(Holds(new() { Hosts = [TextMatch.Prefix("a")] }, request, action: PolicyAction.Allow));
        Assert.True(Holds(new() { Hosts = [TextMatch.Exact("b")] }, request, action: PolicyAction.Deny));
        Assert.False(Holds(new() { NotHosts = [TextMatch.Exact("b")] }, request, action: PolicyAction.Allow));
        Assert.True(Holds(new() { NotHosts = [TextMatch.Prefix("a")] }, request, action: PolicyAction.Deny));
    }

    [Theory]
    [InlineData("x-role", "admin", true)]
    [InlineData("X-Role", "admin", true)]
    [InlineData("x-role", "adm*", true)]
    [InlineData("x-role", "*min", true)]
    [InlineData("x-role", "*", true)]
    [InlineData("x-role", "Admin", false)]
    [InlineData("x-other", "admin", false)]
    [InlineData("x-other", "*", false)]
    [InlineData("x-empty", "*", true)]
    [InlineData("host", "shop.example", true)]
    [InlineData(":authority", "shop.example", true)]
    [InlineData(":method", "PUT", true)]
    [InlineData(":scheme", "http", true)]
    [InlineData(":scheme", "https", false)]
    public void Headers_are_found_without_case_and_compared_with_it(string name, string pattern, bool holds)
    {
        var request = new TextRequest { Verb = "PUT", Host = "shop.example", Fields = new() { ["x-role"] = "admin", ["x-empty"] = "" } };
        TextMatch text = Read(pattern);
        Assert.Equal(holds, Holds(new() { Headers = [new HeaderCondition(name, [text], [])] }, request));
        Assert.Equal(!holds, Holds(new() { Headers = [new HeaderCondition(name, [], [text])] }, request));
    }

    [Fact]
    public void Every_header_condition_must_hold()
    {
        HeaderCondition one = new("x-one", [TextMatch.Present], []);
        HeaderCondition two = new("x-two", [], [TextMatch.Exact("bad")]);
        Assert.True(Holds(new() { Headers = [one, two] }, new TextRequest { Fields = new() { ["x-one"] = "1", ["x-two"] = "good" } }));
        Assert.True(Holds(new() { Headers = [one, two] }, new TextRequest { Fields = new() { ["x-one"] = "1" } }));
        Assert.False(Holds(new() { Headers = [one, two] }, new TextRequest { Fields = new() { ["x-one"] = "1", ["x-two"] = "bad" } }));
        Assert.False(Holds(new() { Headers = [one, two] }, new TextRequest { Fields = new() { ["x-two"] = "good" } }));
    }

    [Theory]
    [InlineData("upgrade")]
    [InlineData("Content-Length")]
    [InlineData("te")]
    [InlineData(":path")]
    [InlineData(":protocol")]
    public void A_condition_on_what_is_consumed_before_policy_looks_is_taken_strictly(string name)
    {
        Assert.False(RequestFields.IsVisible(name));
        RequestConditions conditions = new() { Headers = [new HeaderCondition(name, [], [TextMatch.Exact("x")])], Methods = [TextMatch.Exact("GET")] };
        Assert.False(Holds(conditions, new TextRequest(), action: PolicyAction.Allow));
        Assert.True(Holds(conditions, new TextRequest(), action: PolicyAction.Deny));
        Assert.False(Holds(conditions, new TextRequest { Verb = "PUT" }, action: PolicyAction.Deny));
    }

    [Theory]
    [InlineData("203.0.113.0/24", "203.0.113.7", true)]
    [InlineData("203.0.113.0/24", "203.0.114.7", false)]
    [InlineData("fd00::/8", "203.0.113.7", false)]
    public void Remote_addresses_are_not_the_peer_s(string block, string remote, bool holds)
    {
        var origin = new RequestOrigin(IpValue.From(IPAddress.Parse(remote)));
        Assert.Equal(holds, Holds(new() { RemoteAddresses = [IpPrefix.Parse(block)] }, new TextRequest(), origin));
        Assert.Equal(!holds, Holds(new() { NotRemoteAddresses = [IpPrefix.Parse(block)] }, new TextRequest(), origin));
    }

    [Fact]
    public void Without_a_token_no_positive_condition_on_it_holds_and_every_negative_one()
    {
        foreach (RequestConditions positive in IdentityConditions(TextMatch.Present, isNegative: false))
        {
            Assert.False(Holds(positive, new TextRequest()));
        }

        foreach (RequestConditions negative in IdentityConditions(TextMatch.Present, isNegative: true))
        {
            Assert.True(Holds(negative, new TextRequest()));
        }
    }

    [Theory]
    [InlineData("right", true)]
    [InlineData("ri*", true)]
    [InlineData("*ght", true)]
    [InlineData("*", true)]
    [InlineData("wrong", false)]
    public void Conditions_on_a_token_hold_for_one_value_of_several(string pattern, bool holds)
    {
        var identity = new TextIdentity("right")
        {
            Presenter = "right",
            For = ["other", "right"],
            Claims = new() { ["realm/roles"] = ["other", "right"] },
        };
        var origin = new RequestOrigin(default, identity);
        TextMatch text = Read(pattern);
        Assert.All(IdentityConditions(text, isNegative: false), positive => Assert.Equal(holds, Holds(positive, new TextRequest(), origin)));
        Assert.All(IdentityConditions(text, isNegative: true), negative => Assert.Equal(!holds, Holds(negative, new TextRequest(), origin)));
    }

    [Fact]
    public void A_token_without_audience_presenter_or_claim_satisfies_no_positive_condition_on_them()
    {
        var origin = new RequestOrigin(default, new TextIdentity("https://a.example/alice"));
        Assert.True(Holds(new() { Principals = [TextMatch.Suffix("/alice")] }, new TextRequest(), origin));
        Assert.False(Holds(new() { Audiences = [TextMatch.Present] }, new TextRequest(), origin));
        Assert.False(Holds(new() { Presenters = [TextMatch.Present] }, new TextRequest(), origin));
        Assert.False(Holds(new() { Claims = [new ClaimCondition(["a"], [TextMatch.Present], [])] }, new TextRequest(), origin));
    }

    [Fact]
    public void All_fields_must_hold()
    {
        RequestConditions conditions = new()
        {
            Methods = [TextMatch.Exact("GET")],
            Paths = [TextMatch.Prefix("/api/")],
            Hosts = [TextMatch.Exact("shop.example")],
            NotPaths = [TextMatch.Suffix("/secret")],
        };
        TextRequest right = new("/api/cart") { Host = "shop.example" };
        Assert.True(Holds(conditions, right));
        Assert.False(Holds(conditions, right with { Verb = "POST" }));
        Assert.False(Holds(conditions, right with { Host = "bank.example" }));
        Assert.False(Holds(conditions, new TextRequest("/app") { Host = "shop.example" }));
        Assert.False(Holds(conditions, new TextRequest("/api/secret") { Host = "shop.example" }));
    }

    [Fact]
    public void Many_values_are_found_as_few_are()
    {
        RequestConditions conditions = new() { Paths = [.. Enumerable.Range(0, 100).Select(index => TextMatch.Exact($"/p{index}"))] };
        Assert.True(Holds(conditions, new TextRequest("/p99")));
        Assert.False(Holds(conditions, new TextRequest("/p100")));
    }

    private static RequestConditions[] IdentityConditions(TextMatch text, bool isNegative) => isNegative
        ?
        [
            new() { NotPrincipals = [text] }, new() { NotAudiences = [text] }, new() { NotPresenters = [text] },
            new() { Claims = [new ClaimCondition(["realm", "roles"], [], [text])] },
        ]
        :
        [
            new() { Principals = [text] }, new() { Audiences = [text] }, new() { Presenters = [text] },
            new() { Claims = [new ClaimCondition(["realm", "roles"], [text], [])] },
        ];

    private static (Func<TextMatch, RequestConditions> Positive, Func<TextMatch, RequestConditions> Negative) Both(
        Func<System.Collections.Immutable.ImmutableArray<TextMatch>, RequestConditions> positive,
        Func<System.Collections.Immutable.ImmutableArray<TextMatch>, RequestConditions> negative) => (text => positive([text]), text => negative([text]));

    private static void AssertHolds(
        bool holds,
        TextRequest request,
        (Func<TextMatch, RequestConditions> Positive, Func<TextMatch, RequestConditions> Negative) conditions,
        TextMatch text)
    {
        Assert.Equal(holds, Holds(conditions.Positive(text), request));
        Assert.Equal(!holds, Holds(conditions.Negative(text), request));
    }

    private static TextMatch Read(string pattern) => pattern switch
    {
        "*" => TextMatch.Present,
        ['*', .. string rest] => TextMatch.Suffix(rest),
        [.. string rest, '*'] => TextMatch.Prefix(rest),
        _ => TextMatch.Exact(pattern),
    };

    /// <summary>Whether a rule of these conditions decides.</summary>
    private static bool Holds(RequestConditions conditions, TextRequest request, RequestOrigin origin = default, PolicyAction action = PolicyAction.Deny)
    {
        AuthorizationPolicy policy = Some.Policy("p", action, rules: Some.Rule(new AuthorizationMatch { Request = conditions }));
        PolicyDecision decision = PolicyEvaluator.Evaluate(
            Some.Snapshot([policy]), Some.Workload("server", "10.0.0.1"), Some.Facts(), in origin, in request);
        return decision.DecidedBy is { Policy: not null, RuleIndex: 0 };
    }
}
