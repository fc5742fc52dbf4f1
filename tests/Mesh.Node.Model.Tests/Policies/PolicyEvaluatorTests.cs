using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Model.Tests.Policies;

public sealed class PolicyEvaluatorTests
{
    private static readonly Workload s_server = Some.Workload("server", "10.0.0.1");
    private static readonly AuthorizationMatch s_anyIdentity = new() { Principals = [TextMatch.Present] };
    private static readonly AuthorizationMatch s_noIdentity = new() { NotPrincipals = [TextMatch.Present] };
    private static readonly AuthorizationMatch s_port8080 = new() { DestinationPorts = [8080] };

    [Fact]
    public void Nothing_is_allowed_before_the_first_complete_configuration()
    {
        PolicyDecision decision = PolicyEvaluator.Evaluate(MeshSnapshot.Empty, s_server, Some.Facts(Some.Identity()));

        Assert.Equal((PolicyOutcome.Pending, PolicyReason.ConfigurationIncomplete), (decision.Outcome, decision.Reason));
        Assert.False(decision.IsAllowed);
    }

    [Fact]
    public void A_decision_nobody_made_denies() => Assert.False(default(PolicyDecision).IsAllowed);

    [Fact]
    public void Without_policies_everything_is_allowed() =>
        Assert.Equal(PolicyReason.NoAllowPolicyApplies, Evaluate([], Some.Facts()).Reason);

    [Fact]
    public void An_ALLOW_without_rules_denies_everything()
    {
        PolicyDecision decision = Evaluate([Some.Policy("none", PolicyAction.Allow)], Some.Facts(Some.Identity()));

        Assert.Equal((PolicyOutcome.Denied, PolicyReason.NoAllowRuleMatched), (decision.Outcome, decision.Reason));
        Assert.Equal("default/none", decision.DecidedBy.ToString());
    }

    [Fact]
    public void A_DENY_without_rules_denies_nothing() =>
        Assert.True(Evaluate([Some.Policy("none", PolicyAction.Deny)], Some.Facts()).IsAllowed);

    [Fact]
    public void A_rule_without_clauses_matches_everything()
    {
        PolicyDecision decision = Evaluate([Some.Policy("all", PolicyAction.Deny, rules: new AuthorizationRule([]))], Some.Facts());

        Assert.Equal("default/all[0]", decision.DecidedBy.ToString());
    }

    [Fact]
    public void A_clause_without_matches_holds() =>
        Assert.False(Evaluate([Some.Policy("all", PolicyAction.Deny, rules: new AuthorizationRule([new AuthorizationClause([])]))], Some.Facts()).IsAllowed);

    [Fact]
    public void An_empty_match_holds_for_nothing_and_takes_its_rule_with_it() =>
        Assert.True(Evaluate([Some.Policy("d", PolicyAction.Deny, rules: Some.RuleOfClauses([s_anyIdentity], [new AuthorizationMatch()]))], Some.Facts(Some.Identity())).IsAllowed);

    [Fact]
    public void An_empty_match_beside_another_leaves_the_other() =>
        Assert.False(Evaluate([Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch(), s_anyIdentity))], Some.Facts(Some.Identity())).IsAllowed);

    [Theory]
    [InlineData(true, 8080, false)]
    [InlineData(true, 9090, true)]
    [InlineData(false, 8080, true)]
    public void Clauses_must_all_hold(bool isIdentified, int port, bool allowed) =>
        Assert.Equal(allowed, Evaluate(
            [Some.Policy("d", PolicyAction.Deny, rules: Some.RuleOfClauses([s_anyIdentity], [s_port8080]))],
            Some.Facts(isIdentified ? Some.Identity() : null, port: (ushort)port)).IsAllowed);

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, false)]
    public void STRICT_as_the_control_plane_writes_it_denies_plaintext_and_admits_any_identity(bool isIdentified, bool allowed) =>
        Assert.Equal(allowed, Evaluate([Some.Policy("strict", PolicyAction.Deny, rules: Some.Rule(s_noIdentity))], Some.Facts(isIdentified ? Some.Identity() : null)).IsAllowed);

    [Theory]
    [InlineData(8080, true)]
    [InlineData(9090, false)]
    public void STRICT_with_a_permissive_port_admits_plaintext_there_alone(int port, bool allowed) =>
        Assert.Equal(allowed, Evaluate(
            [Some.Policy("strict", PolicyAction.Deny, rules: Some.RuleOfClauses([s_noIdentity], [new AuthorizationMatch { NotDestinationPorts = [8080] }]))],
            Some.Facts(port: (ushort)port)).IsAllowed);

    [Fact]
    public void An_absent_identity_satisfies_no_positive_identity_field()
    {
        AuthorizationMatch[] positives =
        [
            new() { Principals = [TextMatch.Present] },
            new() { Principals = [TextMatch.Prefix("")] },
            new() { Namespaces = [TextMatch.Suffix("")] },
            new() { ServiceAccounts = [new ServiceAccountName("", "")] },
        ];
        foreach (AuthorizationMatch match in positives)
        {
            Assert.True(Evaluate([Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(match))], Some.Facts()).IsAllowed);
        }
    }

    [Theory]
    [InlineData(TextMatchKind.Exact, "cluster.local/ns/default/sa/client", true)]
    [InlineData(TextMatchKind.Exact, "spiffe://cluster.local/ns/default/sa/client", false)]
    [InlineData(TextMatchKind.Exact, "cluster.local/ns/default/sa/clien", false)]
    [InlineData(TextMatchKind.Prefix, "cluster.local/ns/default/", true)]
    [InlineData(TextMatchKind.Prefix, "Cluster.local/", false)]
    [InlineData(TextMatchKind.Suffix, "/sa/client", true)]
    [InlineData(TextMatchKind.Suffix, "/sa/server", false)]
    [InlineData(TextMatchKind.Prefix, "cluster.local/ns/default/sa/client/and/longer", false)]
    public void Principals_are_compared_without_the_scheme_and_with_case(TextMatchKind kind, string value, bool denied) =>
        Assert.Equal(denied, !Evaluate(
            [Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch { Principals = [new TextMatch(kind, value)] }))],
            Some.Facts(Some.Identity())).IsAllowed);

    [Fact]
    public void DENY_goes_before_ALLOW_whatever_their_scopes()
    {
        PolicyDecision decision = Evaluate(
            [
                Some.Policy("allow", PolicyAction.Allow, PolicyScope.Global, new AuthorizationRule([])),
                Some.Policy("deny", PolicyAction.Deny, PolicyScope.WorkloadSelector, Some.Rule(s_port8080)),
            ],
            Some.Facts(Some.Identity()),
            s_server with { AuthorizationPolicies = ["default/deny"] });

        Assert.Equal("default/deny[0]", decision.DecidedBy.ToString());
    }

    [Fact]
    public void A_selector_policy_applies_only_to_workloads_that_name_it() =>
        Assert.True(Evaluate([Some.Policy("deny", PolicyAction.Deny, PolicyScope.WorkloadSelector, new AuthorizationRule([]))], Some.Facts()).IsAllowed);

    [Fact]
    public void A_namespace_policy_does_not_reach_other_namespaces() =>
        Assert.True(Evaluate(
            [Some.Policy("deny", PolicyAction.Deny, PolicyScope.Namespace, new AuthorizationRule([]))],
            Some.Facts(),
            Some.Workload("other", "10.0.0.1", "elsewhere")).IsAllowed);

    [Fact]
    public void A_named_policy_that_has_not_arrived_is_pending_even_where_an_ALLOW_matches()
    {
        PolicyDecision decision = Evaluate(
            [Some.Policy("allow", PolicyAction.Allow, rules: new AuthorizationRule([]))],
            Some.Facts(Some.Identity()),
            s_server with { AuthorizationPolicies = ["default/late"] });

        Assert.Equal((PolicyOutcome.Pending, PolicyReason.PolicyNotArrived, "default/late"), (decision.Outcome, decision.Reason, decision.MissingPolicy));
        Assert.False(decision.IsAllowed);
    }

    [Fact]
    public void A_DENY_that_matches_does_not_wait_for_what_has_not_arrived() =>
        Assert.Equal(PolicyReason.DenyRuleMatched, Evaluate(
            [Some.Policy("deny", PolicyAction.Deny, rules: new AuthorizationRule([]))],
            Some.Facts(),
            s_server with { AuthorizationPolicies = ["default/late"] }).Reason);

    [Fact]
    public void An_unknown_condition_makes_an_ALLOW_match_hold_for_nothing()
    {
        AuthorizationMatch match = s_port8080 with { HasUnsupported = true };

        Assert.False(Evaluate([Some.Policy("a", PolicyAction.Allow, rules: Some.Rule(match))], Some.Facts()).IsAllowed);
    }

    [Fact]
    public void An_unknown_condition_leaves_a_DENY_match_what_it_knows()
    {
        AuthorizationPolicy[] policies = [Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(s_port8080 with { HasUnsupported = true }))];

        Assert.False(Evaluate(policies, Some.Facts(port: 8080)).IsAllowed);
        Assert.True(Evaluate(policies, Some.Facts(port: 9090)).IsAllowed);
    }

    [Fact]
    public void A_DENY_match_of_unknown_conditions_alone_holds_for_everything() =>
        Assert.False(Evaluate([Some.Policy("d", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch { HasUnsupported = true }))], Some.Facts()).IsAllowed);

    [Fact]
    public void An_ALLOW_policy_with_something_unknown_allows_nothing_and_still_denies_the_rest() =>
        Assert.False(Evaluate([Some.Policy("a", PolicyAction.Allow, rules: new AuthorizationRule([])) with { HasUnsupported = true }], Some.Facts()).IsAllowed);

    [Fact]
    public void A_dry_run_DENY_is_reported_and_not_applied()
    {
        PolicyDecision decision = Evaluate([Some.Policy("trial", PolicyAction.Deny, rules: new AuthorizationRule([])) with { IsDryRun = true }], Some.Facts());

        Assert.True(decision.IsAllowed);
        Assert.Equal(PolicyOutcome.Denied, decision.DryRunOutcome);
        Assert.Equal("default/trial[0]", decision.DryRunDecidedBy.ToString());
    }

    [Fact]
    public void A_dry_run_ALLOW_neither_denies_the_rest_nor_allows_what_is_denied()
    {
        AuthorizationPolicy trial = Some.Policy("trial", PolicyAction.Allow, rules: Some.Rule(s_port8080)) with { IsDryRun = true };

        PolicyDecision elsewhere = Evaluate([trial], Some.Facts(port: 9090));
        Assert.True(elsewhere.IsAllowed);
        Assert.Equal((PolicyOutcome.Denied, "default/trial"), (elsewhere.DryRunOutcome, elsewhere.DryRunDecidedBy.ToString()));

        PolicyDecision denied = Evaluate([trial, Some.Policy("nobody", PolicyAction.Allow)], Some.Facts(port: 8080));
        Assert.False(denied.IsAllowed);
        Assert.Equal((PolicyOutcome.Allowed, "default/trial[0]"), (denied.DryRunOutcome, denied.DryRunDecidedBy.ToString()));
    }

    [Fact]
    public void Without_dry_run_policies_nothing_is_reported_of_them() => Assert.Null(Evaluate([], Some.Facts()).DryRunOutcome);

    [Fact]
    public void The_same_rule_is_named_however_the_policies_arrived()
    {
        AuthorizationPolicy[] policies =
            [.. Enumerable.Range(0, 20).Select(index => Some.Policy($"p{index:00}", PolicyAction.Deny, rules: [Some.Rule(s_anyIdentity), Some.Rule(s_port8080)]))];

        Assert.Equal("default/p00[0]", Evaluate(policies, Some.Facts(Some.Identity())).DecidedBy.ToString());
        Assert.Equal("default/p00[0]", Evaluate([.. policies.Reverse()], Some.Facts(Some.Identity())).DecidedBy.ToString());
        Assert.Equal("default/p00[1]", Evaluate([.. policies.Reverse()], Some.Facts()).DecidedBy.ToString());
    }

    [Fact]
    public void Two_accounts_on_one_address_are_told_apart_and_two_addresses_of_one_account_too()
    {
        AuthorizationPolicy byAccount = Some.Policy("a", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch { ServiceAccounts = [new("default", "client")] }));
        AuthorizationPolicy byAddress = Some.Policy("b", PolicyAction.Deny, rules: Some.Rule(new AuthorizationMatch { SourceAddresses = [IpPrefix.Parse("10.0.0.9")] }));

        Assert.False(Evaluate([byAccount], Some.Facts(Some.Identity())).IsAllowed);
        Assert.True(Evaluate([byAccount], Some.Facts(Some.Identity(serviceAccount: "other"))).IsAllowed);
        Assert.False(Evaluate([byAddress], Some.Facts(Some.Identity())).IsAllowed);
        Assert.True(Evaluate([byAddress], Some.Facts(Some.Identity(), source: "10.0.0.8")).IsAllowed);
    }

    [Fact]
    public void An_evaluation_allocates_nothing()
    {
        var random = new RandomPolicies(3);
        List<AuthorizationPolicy> policies = random.Policies(200, 20);
        Workload destination = s_server with { AuthorizationPolicies = [.. policies.Where(policy => policy.Scope == PolicyScope.WorkloadSelector).Take(5).Select(policy => policy.Key)] };
        MeshSnapshot snapshot = Some.Snapshot(policies);
        ConnectionFacts[] facts = [.. Enumerable.Range(0, 500).Select(_ => random.Facts())];

        Assert.Equal(0, SteadyState.AllocatedBytes(() => EvaluateAll(snapshot, destination, facts)));
    }

    private static void EvaluateAll(MeshSnapshot snapshot, Workload destination, ConnectionFacts[] all)
    {
        foreach (ConnectionFacts facts in all)
        {
            _ = PolicyEvaluator.Evaluate(snapshot, destination, facts);
        }
    }

    private static PolicyDecision Evaluate(AuthorizationPolicy[] policies, ConnectionFacts facts, Workload? destination = null) =>
        PolicyEvaluator.Evaluate(Some.Snapshot(policies), destination ?? s_server, facts);
}
