using System.Net.Sockets;
using BenchmarkDotNet.Attributes;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Bench.Micro.Model;

/// <summary>Cost of choosing where one connection to a service goes. The number of endpoints should not be felt. Budget: 0 B.</summary>
[Config(typeof(StableAllocationConfig))]
public class EndpointPickBench : IOpenStreamCounts
{
    private readonly Workload _source = BenchMeshes.Workload(70_000, "client");
    private MeshSnapshot _snapshot = null!;
    private Service _service = null!;
    private RandomState _random = new(1);

    [Params(1, 10, 1_000)]
    public int Endpoints { get; set; }

    [GlobalSetup]
    public void Setup() => (_snapshot, _service) = BenchMeshes.Endpoints(Endpoints);

    [Benchmark]
    public bool Pick()
    {
        EndpointChoice choice = EndpointPicker.Pick(_snapshot, _service, 80, _source, AddressFamily.InterNetwork, this, ref _random);
        return choice.Status == EndpointStatus.Picked ? choice.TargetPort == 8080 : throw new InvalidOperationException(choice.Status.ToString());
    }

    /// <inheritdoc/>
    public int OpenStreams(Workload workload) => 0;
}
