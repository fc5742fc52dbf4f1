using System.Net;
using BenchmarkDotNet.Attributes;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;

namespace Mesh.Bench.Micro.Model;

/// <summary>
/// Cost of deciding one connection: allowed by the last rule there is, and denied because none of them matches. Budget: 0 B.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class PolicyEvaluationBench
{
    private readonly Workload _destination = BenchMeshes.Workload(70_000, "server");
    private MeshSnapshot _snapshot = null!;
    private ConnectionFacts _allowed;
    private ConnectionFacts _denied;

    [Params(10, 10_000)]
    public int Rules { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _snapshot = BenchMeshes.Policies(Rules);

        // Rules of whose number three is a divisor name an account.
        int last = (Rules - 1) / 3 * 3;
        IPAddress source = IPAddress.Parse("10.200.0.1");
        _allowed = new ConnectionFacts(BenchMeshes.Identity($"account-{last}"), source, _destination.Addresses[0], 8080, "");
        _denied = new ConnectionFacts(BenchMeshes.Identity("stranger"), source, _destination.Addresses[0], 8080, "");
    }

    [Benchmark]
    public PolicyReason Allowed() => Evaluate(in _allowed, PolicyReason.AllowRuleMatched);

    [Benchmark]
    public PolicyReason Denied() => Evaluate(in _denied, PolicyReason.NoAllowRuleMatched);

    private PolicyReason Evaluate(in ConnectionFacts facts, PolicyReason expected)
    {
        PolicyReason reason = PolicyEvaluator.Evaluate(_snapshot, _destination, in facts).Reason;
        return reason == expected ? reason : throw new InvalidOperationException(reason.ToString());
    }
}
