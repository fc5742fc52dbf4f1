using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Generators.FixedRate;

/// <summary>HTTP/1.1 requests at a fixed rate on as many connections as <see cref="Requests"/> has.</summary>
internal sealed class FixedRateRequests : IFixedRateLoad
{
    /// <inheritdoc/>
    public async Task<(WorkDone Done, LatencyHistogram Latencies)> RunAsync(
        BenchLab bench, Contender side, int seconds, double requestsPerSecond)
    {
        LatencyHistogram latencies = await bench.Lab.Place(side.Client.NetworkNamespace).RunOnDedicatedThreadAsync(
            () =>
            {
                using var run = RateRun.Open(side.Target, Requests.Connections);
                return run.Send(requestsPerSecond, TimeSpan.FromSeconds(seconds));
            });
        return (new WorkDone(requestsPerSecond, latencies.Count / 1_000.0), latencies);
    }
}
