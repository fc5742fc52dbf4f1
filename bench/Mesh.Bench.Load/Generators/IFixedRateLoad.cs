using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Generators;

/// <summary>Requests that are sent when they are due, whatever the answers take.</summary>
internal interface IFixedRateLoad
{
    /// <returns>The time the answers took; a figure of ours and of a peer come from the same rate.</returns>
    /// <exception cref="BenchException">Something failed on the way.</exception>
    Task<(WorkDone Done, LatencyHistogram Latencies)> RunAsync(BenchLab bench, Contender side, int seconds, double requestsPerSecond);
}
