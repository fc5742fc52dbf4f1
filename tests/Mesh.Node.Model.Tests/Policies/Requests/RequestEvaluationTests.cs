using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Tests.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Model.Tests.Policies.Requests;

public sealed class RequestEvaluationTests
{
    private static readonly Workload s_server = Some.Workload("server", "10.0.0.1");
    private static readonly AuthorizationMatch s_client = new() { Principals = [TextMatch.Exact("cluster.local/ns/default/sa/client")] };
    private static readonly AuthorizationMatch s_admin = new() { Request = new() { Paths = [TextMatch.Prefix("/admin")] } };
    private static readonly AuthorizationMatch s_get = new() { Request = new() { Methods = [TextMatch.Exact("GET")] } };
    private static readonly AuthorizationMatch s_name = new() { ServerNames = [TextMatch.Exact("a.example")] };

    public static TheoryData<string, PolicyOutcome, PolicyOutcome> Connections => new()
    {
        // policies (of the client at port 8080)                 alone                  with requests
        { "", PolicyOutcome.Allowed, PolicyOutcome.Allowed },
        { "deny path", PolicyOutcome.Denied, PolicyOutcome.Depends },
        { "deny client+path", PolicyOutcome.Denied, PolicyOutcome.Depends },
        { "deny stranger+path", PolicyOutcome.Allowed, PolicyOutcome.Allowed },
        { "deny client", PolicyOutcome.Denied, PolicyOutcome.Denied },
        { "deny client|path", PolicyOutcome.Denied, PolicyOutcome.Denied },
        { "deny stranger|path", PolicyOutcome.Denied, PolicyOutcome.Depends },
        { "allow path", PolicyOutcome.Denied, PolicyOutcome.Depends },
        { "allow client+path", PolicyOutcome.Denied, PolicyOutcome.Depends },
        { "allow stranger+path", PolicyOutcome.Denied, PolicyOutcome.Denied },
        { "allow client", PolicyOutcome.Allowed, PolicyOutcome.Allowed },
        { "allow client; allow path", PolicyOutcome.Allowed, PolicyOutcome.Allowed },
        { "allow client; deny path", PolicyOutcome.Denied, PolicyOutcome.Depends },
        { "allow stranger; deny path", PolicyOutcome.Denied, PolicyOutcome.Denied },
        { "allow path; deny client", PolicyOutcome.Denied, PolicyOutcome.Denied },
        { "custom path", PolicyOutcome.Denied, PolicyOutcome.Depends },
        { "custom client", PolicyOutcome.Denied, PolicyOutcome.Denied },
        { "custom stranger", PolicyOutcome.Allowed, PolicyOutcome.Allowed },
        { "deny name", PolicyOutcome.Denied, PolicyOutcome.Depends },
        { "allow name", PolicyOutcome.Denied, PolicyOutcome.Depends },
    };

    [Theory]
    [MemberData(nameof(Connections))]
    public void A_connection_depends_only_where_a_request_could_decide(string policies, PolicyOutcome alone, PolicyOutcome withRequests)
    {
        MeshSnapshot snapshot = Some.Snapshot(Read(policies));
        ConnectionFacts facts = Some.Facts(Some.Identity());
        Assert.Equal(alone, PolicyEvaluator.Evaluate(snapshot, s_server, facts).Outcome);
        Assert.Equal(withRequests, PolicyEvaluator.EvaluateForRequests(snapshot, s_server, facts).Outcome);
    }

    [Fact]
    public void What_a_connection_depends_on_is_named()
    {
        PolicyDecision decision = PolicyEvaluator.EvaluateForRequests(
            Some.Snapshot(Read("allow client; deny stranger+path; deny path")), s_server, Some.Facts(Some.Identity()));

        Assert.Equal(PolicyReason.RequestDecides, decision.Reason);
        Assert.Equal("default/p2[0]", decision.DecidedBy.ToString());
        Assert.False(decision.IsAllowed);
    }

    [Fact]
    public void A_policy_that_has_not_arrived_is_pending_for_connections_and_requests()
    {
        MeshSnapshot snapshot = Some.Snapshot(Read("allow path"));
        Workload destination = s_server with { AuthorizationPolicies = ["default/late"] };
        var request = new TextRequest("/admin");
        Assert.Equal(PolicyOutcome.Pending, PolicyEvaluator.EvaluateForRequests(snapshot, destination, Some.Facts()).Outcome);
        Assert.Equal(PolicyOutcome.Pending, PolicyEvaluator.Evaluate(snapshot, destination, Some.Facts(), default, in request).Outcome);
        Assert.Equal(PolicyOutcome.Pending, PolicyEvaluator.EvaluateForRequests(MeshSnapshot.Empty, destination, Some.Facts()).Outcome);
    }

    [Theory]
    [InlineData("", "/x", PolicyReason.NoAllowPolicyApplies, "none")]
    [InlineData("allow path", "/admin", PolicyReason.AllowRuleMatched, "default/p0[0]")]
    [InlineData("allow path", "/x", PolicyReason.NoAllowRuleMatched, "default/p0")]
    [InlineData("deny path", "/admin", PolicyReason.DenyRuleMatched, "default/p0[0]")]
    [InlineData("deny path", "/x", PolicyReason.NoAllowPolicyApplies, "none")]
    [InlineData("allow client; deny path", "/admin", PolicyReason.DenyRuleMatched, "default/p1[0]")]
    [InlineData("allow client; deny path", "/x", PolicyReason.AllowRuleMatched, "default/p0[0]")]
    [InlineData("deny path; custom path", "/admin", PolicyReason.AuthorizerMissing, "default/p1[0]")]
    [InlineData("allow path; custom stranger", "/admin", PolicyReason.AllowRuleMatched, "default/p0[0]")]
    [InlineData("allow client+path+get", "/admin", PolicyReason.AllowRuleMatched, "default/p0[0]")]
    [InlineData("allow stranger+path", "/admin", PolicyReason.NoAllowRuleMatched, "default/p0")]
    [InlineData("allow stranger|path", "/admin", PolicyReason.AllowRuleMatched, "default/p0[0]")]
    [InlineData("deny name", "/admin", PolicyReason.NoAllowPolicyApplies, "none")]
    [InlineData("allow name", "/admin", PolicyReason.NoAllowRuleMatched, "default/p0")]
    public void A_request_is_decided_in_the_order_CUSTOM_DENY_ALLOW(string policies, string path, PolicyReason reason, string decidedBy)
    {
        var request = new TextRequest(path);
        PolicyDecision decision = PolicyEvaluator.Evaluate(
            Some.Snapshot(Read(policies)), s_server, Some.Facts(Some.Identity()), default, in request);

        Assert.Equal((reason, decidedBy), (decision.Reason, decision.DecidedBy.ToString()));
        Assert.Equal(reason is PolicyReason.NoAllowPolicyApplies or PolicyReason.AllowRuleMatched, decision.IsAllowed);
    }

    [Fact]
    public void What_an_authorizer_has_allowed_is_decided_by_the_other_policies_and_by_nobody_while_it_was_not_asked()
    {
        var asker = new Authorizer
        {
            Name = "asker",
            ServiceKey = "auth/ask",
            Port = 80,
            Protocol = AuthorizerProtocol.Http,
            Timeout = TimeSpan.FromSeconds(1),
        };
        AuthorizationPolicy[] policies = Read("custom client; deny path; custom path");
        policies[0] = policies[0] with { Provider = asker.Name, Authorizer = asker };
        policies[2] = policies[2] with { Provider = "other", Authorizer = asker with { Name = "other" } };
        MeshSnapshot snapshot = Some.Snapshot(policies);
        ConnectionFacts facts = Some.Facts(Some.Identity());

        // Bytes of which nobody reads requests, a connection whose requests will be asked about, and one nobody is asked about.
        Assert.Equal(
            (PolicyOutcome.Denied, PolicyReason.AuthorizerNotAsked),
            (PolicyEvaluator.Evaluate(snapshot, s_server, facts).Outcome, PolicyEvaluator.Evaluate(snapshot, s_server, facts).Reason));
        Assert.Equal(PolicyOutcome.Depends, PolicyEvaluator.EvaluateForRequests(snapshot, s_server, facts).Outcome);
        Assert.True(PolicyEvaluator.AsksAuthorizers(snapshot, s_server));
        Assert.True(PolicyEvaluator.AsksRequests(snapshot, s_server));

        var allowedBy = new AuthorizerAnswers();
        TextRequest admin = new("/admin");
        Assert.Equal("default/p0[0]", PolicyEvaluator.FindUnasked(snapshot, s_server, in facts, in admin, allowedBy)?.ToString());
        allowedBy.Add(asker);
        Assert.Equal("default/p2[0]", PolicyEvaluator.FindUnasked(snapshot, s_server, in facts, in admin, allowedBy)?.ToString());
        Assert.Equal(
            PolicyReason.AuthorizerNotAsked, PolicyEvaluator.Evaluate(snapshot, s_server, in facts, default, in admin, allowedBy).Reason);
        allowedBy.Add(policies[2].Authorizer!);
        Assert.Null(PolicyEvaluator.FindUnasked(snapshot, s_server, in facts, in admin, allowedBy));
        Assert.Equal(
            PolicyReason.DenyRuleMatched, PolicyEvaluator.Evaluate(snapshot, s_server, in facts, default, in admin, allowedBy).Reason);

        TextRequest other = new("/x");
        Assert.True(PolicyEvaluator.Evaluate(snapshot, s_server, in facts, default, in other, allowedBy).IsAllowed);
    }

    [Theory]
    [InlineData("a.example", PolicyOutcome.Denied)]
    [InlineData("b.example", PolicyOutcome.Allowed)]
    [InlineData("", PolicyOutcome.Allowed)]
    [InlineData(null, PolicyOutcome.Denied)]
    public void A_server_name_is_decided_once_somebody_has_looked(string? name, PolicyOutcome outcome) =>
        Assert.Equal(
            outcome, PolicyEvaluator.Evaluate(Some.Snapshot(Read("deny name")), s_server, Some.Facts() with { ServerName = name }).Outcome);

    [Fact]
    public void A_negative_server_name_holds_where_there_is_none()
    {
        AuthorizationPolicy deny = Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch { NotServerNames = [TextMatch.Exact("a.example")] }));
        MeshSnapshot snapshot = Some.Snapshot([deny]);
        Assert.False(PolicyEvaluator.Evaluate(snapshot, s_server, Some.Facts() with { ServerName = "" }).IsAllowed);
        Assert.False(PolicyEvaluator.Evaluate(snapshot, s_server, Some.Facts() with { ServerName = "b.example" }).IsAllowed);
        Assert.True(PolicyEvaluator.Evaluate(snapshot, s_server, Some.Facts() with { ServerName = "a.example" }).IsAllowed);
    }

    [Theory]
    [InlineData("cluster.local", true)]
    [InlineData("other.example", false)]
    public void Trust_domains_are_those_of_the_identity(string domain, bool denied)
    {
        MeshSnapshot snapshot = Some.Snapshot(
            [Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch { TrustDomains = [TextMatch.Exact("cluster.local")] }))]);
        MeshSnapshot negative = Some.Snapshot(
            [Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch { NotTrustDomains = [TextMatch.Exact("cluster.local")] }))]);
        ConnectionFacts facts = Some.Facts(Some.Identity(trustDomain: domain));
        Assert.Equal(denied, !PolicyEvaluator.Evaluate(snapshot, s_server, facts).IsAllowed);
        Assert.Equal(!denied, !PolicyEvaluator.Evaluate(negative, s_server, facts).IsAllowed);
        Assert.True(PolicyEvaluator.Evaluate(snapshot, s_server, Some.Facts()).IsAllowed);
        Assert.False(PolicyEvaluator.Evaluate(negative, s_server, Some.Facts()).IsAllowed);
    }

    [Fact]
    public void A_dry_run_on_requests_is_reported_for_each_and_never_applied()
    {
        MeshSnapshot snapshot = Some.Snapshot([Read("deny path")[0] with { IsDryRun = true }]);
        Assert.True(PolicyEvaluator.AsksRequests(snapshot, s_server));
        Assert.Equal(PolicyOutcome.Allowed, PolicyEvaluator.EvaluateForRequests(snapshot, s_server, Some.Facts()).Outcome);

        TextRequest admin = new("/admin");
        PolicyDecision denied = PolicyEvaluator.Evaluate(snapshot, s_server, Some.Facts(), default, in admin);
        Assert.Equal((true, PolicyOutcome.Denied, "default/p0[0]"), (denied.IsAllowed, denied.DryRunOutcome!.Value, denied.DryRunDecidedBy.ToString()));

        TextRequest other = new("/x");
        Assert.Equal(PolicyOutcome.Allowed, PolicyEvaluator.Evaluate(snapshot, s_server, Some.Facts(), default, in other).DryRunOutcome);
    }

    [Fact]
    public void A_CUSTOM_policy_has_no_dry_run()
    {
        MeshSnapshot snapshot = Some.Snapshot([Read("custom client")[0] with { IsDryRun = true }]);
        Assert.Equal(PolicyReason.AuthorizerMissing, PolicyEvaluator.Evaluate(snapshot, s_server, Some.Facts(Some.Identity())).Reason);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("deny client", false)]
    [InlineData("deny path", true)]
    [InlineData("allow stranger+path", true)]
    [InlineData("custom path", true)]
    [InlineData("deny name", true)]
    public void It_is_known_whether_any_policy_asks_requests(string policies, bool asks) =>
        Assert.Equal(asks, PolicyEvaluator.AsksRequests(Some.Snapshot(Read(policies)), s_server));

    [Fact]
    public void Conditions_without_content_are_none()
    {
        MeshSnapshot snapshot = Some.Snapshot([Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(s_client with { Request = new() }))]);
        Assert.False(PolicyEvaluator.AsksRequests(snapshot, s_server));
        Assert.Equal(PolicyOutcome.Denied, PolicyEvaluator.EvaluateForRequests(snapshot, s_server, Some.Facts(Some.Identity())).Outcome);
        MeshSnapshot nothing = Some.Snapshot([Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch { Request = new() }))]);
        Assert.True(PolicyEvaluator.Evaluate(nothing, s_server, Some.Facts()).IsAllowed);
    }

    [Fact]
    public void A_request_is_decided_without_allocation()
    {
        var random = new RandomPolicies(7) { WithRequests = true };
        List<AuthorizationPolicy> policies = random.Policies(100, 5);
        MeshSnapshot snapshot = Some.Snapshot(policies);
        ConnectionFacts[] facts = [.. Enumerable.Range(0, 100).Select(_ => random.Facts())];
        var origin = new RequestOrigin(facts[0].Source, new TextIdentity("https://a.example/alice"));

        Assert.Equal(0, SteadyState.AllocatedBytes(() => EvaluateAll(snapshot, facts, origin)));
    }

    private static void EvaluateAll(MeshSnapshot snapshot, ConnectionFacts[] all, RequestOrigin origin)
    {
        foreach (ConnectionFacts facts in all)
        {
            var request = new SpanRequest("/a/b"u8);
            _ = PolicyEvaluator.Evaluate(snapshot, s_server, facts, origin, in request);
            _ = PolicyEvaluator.EvaluateForRequests(snapshot, s_server, facts);
        }
    }

    /// <summary>A request that copies nothing, as those of the data path are.</summary>
    private readonly ref struct SpanRequest(ReadOnlySpan<byte> path) : IRequestFacts
    {
        public ReadOnlySpan<byte> Method => "GET"u8;

        public ReadOnlySpan<byte> Scheme => "http"u8;

        public ReadOnlySpan<byte> Authority => "a.example:80"u8;

        public ReadOnlySpan<byte> Path { get; } = path;

        public ReadOnlySpan<byte> Query => [];

        public Workload? Source => null;

        public bool TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            value = "one"u8;
            return name.SequenceEqual("x-one"u8);
        }
    }

    /// <summary>Policies p0, p1, … of one rule: alternatives by |, clauses by +.</summary>
    private static AuthorizationPolicy[] Read(string policies) =>
    [
        .. policies.Split("; ", StringSplitOptions.RemoveEmptyEntries).Select((text, index) =>
        {
            string[] parts = text.Split(' ');
            AuthorizationMatch[][] clauses = [.. parts[1].Split('+').Select(clause => clause.Split('|').Select(Match).ToArray())];
            return Some.Policy($"p{index}", Enum.Parse<PolicyAction>(parts[0], ignoreCase: true), rules: Some.RuleOfClauses(clauses));
        }),
    ];

    private static AuthorizationMatch Match(string name) => name switch
    {
        "client" => s_client,
        "stranger" => new AuthorizationMatch { Principals = [TextMatch.Suffix("/stranger")] },
        "path" => s_admin,
        "get" => s_get,
        "name" => s_name,
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "No such match."),
    };
}
