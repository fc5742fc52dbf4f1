using System.Net.Sockets;
using BenchmarkDotNet.Attributes;
using Mesh.Bench.Micro.Model;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Destinations;

namespace Mesh.Bench.Micro.Http;

/// <summary>
/// What a request costs its destination: finding it, its limits, one of a thousand endpoints of which one is ejected, and saying how it
/// went. Budget: 0 B.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class DestinationPickBench : IOpenStreamCounts
{
    private const int Endpoints = 1_000;

    private readonly Workload _source = BenchMeshes.Workload(70_000, "client");
    private readonly DestinationRegistry _registry = new();
    private readonly RequestLease _lease = new();
    private MeshSnapshot _snapshot = null!;
    private string _service = null!;
    private RandomState _random = new(1);

    [Params(
        BalancingAlgorithm.LeastRequest, BalancingAlgorithm.RoundRobin, BalancingAlgorithm.Random, BalancingAlgorithm.ConsistentHash)]
    public BalancingAlgorithm Algorithm { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        (MeshSnapshot plain, Service service) = BenchMeshes.Endpoints(Endpoints);
        var policy = new TrafficPolicy
        {
            Outliers = new OutlierOptions(),
            Balancing = new BalancingPolicy(
                Algorithm, Algorithm == BalancingAlgorithm.ConsistentHash ? new HashPolicy(HashKey.Header, "x-user") : null),
        };
        MeshSnapshot.Builder builder = plain.ToBuilder();
        builder.SetTraffic(new ServiceTraffic(
            service.Key,
            new TrafficScope(
                new Dictionary<ushort, RouteTable>(), new PortPolicies(policy), new Dictionary<string, TrafficSubset>())));
        _snapshot = builder.Build();
        _service = service.Key;
        DestinationEndpoint ejected = Pick(Find()).Endpoint!;
        for (int i = 0; i < policy.Outliers.Consecutive5xx; i++)
        {
            ejected.Report(AttemptResult.ServerError, latencyMs: 3, nowMs: 0);
        }
    }

    [Benchmark]
    public bool PickAndReport()
    {
        Destination destination = Find();
        if (!_lease.TryBeginRequest(destination, out CircuitLimit reached))
        {
            throw new InvalidOperationException(reached.ToString());
        }

        EndpointPick pick = Pick(destination);
        _lease.BeginAttempt(pick.Endpoint!);
        _lease.EndAttempt(AttemptResult.Success, latencyMs: 3, nowMs: 0);
        _lease.End();
        return pick.Choice.TargetPort == 8080 ? true : throw new InvalidOperationException(pick.Choice.Status.ToString());
    }

    /// <inheritdoc/>
    public int OpenStreams(Workload workload) => 0;

    private Destination Find() => _registry.Of(_snapshot, _service, 80, "", _source, nowMs: 0);

    private EndpointPick Pick(Destination destination) => destination.Pick(
        new PickRequest
        {
            Snapshot = _snapshot,
            Source = _source,
            Family = AddressFamily.InterNetwork,
            NowMs = 0,
            Hash = _random.Next(),
        },
        this,
        ref _random);
}
