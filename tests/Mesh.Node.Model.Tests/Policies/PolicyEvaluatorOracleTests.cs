using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Tests.Routing;
using Mesh.Node.Model.Workloads;
using Xunit;

namespace Mesh.Node.Model.Tests.Policies;

public sealed class PolicyEvaluatorOracleTests
{
    [Theory]
    [InlineData(1, 3, 6)]
    [InlineData(4, 4, 6)]
    [InlineData(20, 6, 40)]
    [InlineData(60, 10, 250)]
    public void The_evaluator_agrees_with_the_oracle_on_outcome_reason_and_rule(int policyCount, int rulesMax, int words)
    {
        var outcomes = new Dictionary<PolicyReason, int>();
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new RandomPolicies(seed, words);
            List<AuthorizationPolicy> policies = random.Policies(policyCount, rulesMax);
            Workload destination = Some.Workload("server", "10.0.0.1") with
            {
                AuthorizationPolicies =
                [
                    .. policies.Where(policy => policy.Scope == PolicyScope.WorkloadSelector && random.OneIn(3)).Select(policy => policy.Key),
                    .. random.OneIn(10) ? new[] { "default/absent" } : [],
                ],
            };
            MeshSnapshot snapshot = Some.Snapshot(policies);

            for (int connection = 0; connection < 40; connection++)
            {
                ConnectionFacts facts = random.Facts();
                PolicyDecision decision = PolicyEvaluator.Evaluate(snapshot, destination, facts);

                Assert.Equal(
                    PolicyOracle.Evaluate(policies, destination, facts),
                    (decision.Outcome, decision.Reason, decision.DecidedBy.ToString()));
                outcomes[decision.Reason] = outcomes.GetValueOrDefault(decision.Reason) + 1;
            }
        }

        Assert.True(outcomes.Count >= 4 && outcomes.Values.All(count => count >= 10), $"The policies are too uniform to prove anything: {string.Join(", ", outcomes)}");
    }

    [Theory]
    [InlineData(1, 3, 6)]
    [InlineData(4, 4, 6)]
    [InlineData(20, 6, 40)]
    public void Requests_and_connections_are_decided_as_the_oracle_decides_them(int policyCount, int rulesMax, int words)
    {
        var outcomes = new Dictionary<(PolicyOutcome Connection, PolicyReason Request), int>();
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new RandomPolicies(seed, words) { WithRequests = true };
            List<AuthorizationPolicy> policies = random.Policies(policyCount, rulesMax);
            Workload destination = Some.Workload("server", "10.0.0.1") with
            {
                AuthorizationPolicies =
                    [.. policies.Where(policy => policy.Scope == PolicyScope.WorkloadSelector && random.OneIn(3)).Select(policy => policy.Key)],
            };
            MeshSnapshot snapshot = Some.Snapshot(policies);

            for (int connection = 0; connection < 10; connection++)
            {
                ConnectionFacts facts = random.Facts();
                PolicyDecision strict = PolicyEvaluator.Evaluate(snapshot, destination, facts);
                Assert.Equal(
                    PolicyOracle.Evaluate(policies, destination, facts), (strict.Outcome, strict.Reason, strict.DecidedBy.ToString()));

                PolicyOutcome forRequests = PolicyEvaluator.EvaluateForRequests(snapshot, destination, facts).Outcome;
                Assert.Equal(strict.IsAllowed, forRequests == PolicyOutcome.Allowed);
                for (int index = 0; index < 20; index++)
                {
                    (TextRequest request, RequestOrigin origin) = random.Request();
                    PolicyDecision decision = PolicyEvaluator.Evaluate(snapshot, destination, facts, origin, in request);

                    Assert.Equal(
                        PolicyOracle.Evaluate(policies, destination, facts, request, origin),
                        (decision.Outcome, decision.Reason, decision.DecidedBy.ToString()));

                    // What was decided of the connection holds for every request in it.
                    Assert.True(
                        forRequests == PolicyOutcome.Depends || forRequests == decision.Outcome,
                        $"The connection was {forRequests}, a request in it {decision.Outcome}.");
                    (PolicyOutcome, PolicyReason) seen = (forRequests, decision.Reason);
                    outcomes[seen] = outcomes.GetValueOrDefault(seen) + 1;
                }
            }
        }

        Assert.True(
            outcomes.Count(entry => entry.Key.Connection == PolicyOutcome.Depends && entry.Value >= 10) >= 4,
            $"The policies are too uniform to prove anything: {string.Join(", ", outcomes)}");
    }

    [Fact]
    public void Policies_that_come_and_go_leave_what_a_fresh_snapshot_has()
    {
        var random = new RandomPolicies(99);
        Workload destination = Some.Workload("server", "10.0.0.1");
        var current = new Dictionary<string, AuthorizationPolicy>();
        MeshSnapshot.Builder builder = Some.Snapshot().ToBuilder();
        for (int step = 0; step < 60; step++)
        {
            foreach (AuthorizationPolicy policy in random.Policies(5, 5))
            {
                current[policy.Key] = policy;
                builder.SetPolicy(policy);
            }

            foreach (string gone in current.Keys.Where(_ => random.OneIn(4)).ToArray())
            {
                current.Remove(gone);
                Assert.True(builder.RemovePolicy(gone));
            }

            MeshSnapshot incremental = builder.Build();
            Assert.Equal(current.Count, incremental.Policies.Count);
            for (int connection = 0; connection < 40; connection++)
            {
                ConnectionFacts facts = random.Facts();
                PolicyDecision decision = PolicyEvaluator.Evaluate(incremental, destination, facts);
                Assert.Equal(
                    PolicyOracle.Evaluate([.. current.Values], destination, facts),
                    (decision.Outcome, decision.Reason, decision.DecidedBy.ToString()));
            }
        }
    }
}
