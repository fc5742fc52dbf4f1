using BenchmarkDotNet.Attributes;
using Mesh.Node.Model.Outliers;

namespace Mesh.Bench.Micro.Model;

/// <summary>What saying how an attempt went costs each request: a success, and an error that a success follows. Budget: 0 B.</summary>
[Config(typeof(StableAllocationConfig))]
public class OutlierReportBench
{
    private readonly OutlierEndpoint _endpoint = new OutlierPool(new OutlierOptions()).Add("endpoint");

    [Benchmark]
    public bool Success()
    {
        _endpoint.Report(AttemptResult.Success, latencyMs: 3, nowMs: 0);
        return _endpoint.IsEjected;
    }

    [Benchmark(OperationsPerInvoke = 2)]
    public bool ErrorAndSuccess()
    {
        _endpoint.Report(AttemptResult.GatewayError, latencyMs: 3, nowMs: 0);
        _endpoint.Report(AttemptResult.Success, latencyMs: 3, nowMs: 0);
        return _endpoint.IsEjected;
    }
}
