using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Generators.FixedRate;
using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Topology;
using Mesh.Lab;

namespace Mesh.Bench.Load.Rows;

/// <summary>
/// Managed bytes the running proxies allocate for each message, as they count them themselves. A scrape allocates too, so what an equal
/// time without traffic shows is taken off.
/// </summary>
internal sealed class AllocationRow : IRow
{
    private const string Metric = "mesh_managed_allocated_bytes_total";
    private const double MessagesPerSecond = 10_000;
    private const double BytesMax = 1;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(10);

    public string Name => "allocated-bytes";

    public string Title => "managed bytes allocated for each of 100,000 small messages";

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        BenchLab bench = await context.Labs.SharedAsync();
        return
        [
            await MeasureAsync(bench, $"{Name}/same-node", bench.MeshServerNear),
            await MeasureAsync(bench, $"{Name}/mtls", bench.MeshServerFar),
        ];
    }

    private static async Task<Comparison> MeasureAsync(BenchLab bench, string name, LabPod server)
    {
        using RateRun run = await bench.Lab.Place(bench.MeshClient.NetworkNamespace).RunOnDedicatedThreadAsync(
            () => RateRun.Open(server.EndPoint(BenchLab.HttpPort), Requests.Connections));
        run.Send(MessagesPerSecond, s_warmUp);
        await AllocatedAsync(bench);
        double start = await AllocatedAsync(bench);
        await Task.Delay(s_duration, TimeProvider.System);
        double idle = await AllocatedAsync(bench);
        long messages = run.Send(MessagesPerSecond, s_duration).Count;
        double end = await AllocatedAsync(bench);
        double bytes = Math.Max(0, (end - idle) - (idle - start));
        return SingleFigure.Promised(name, "bytes a message", bytes / messages, BytesMax);
    }

    private static async Task<double> AllocatedAsync(BenchLab bench)
    {
        double total = 0;
        foreach (LabNode node in (LabNode[])[bench.Node1, bench.Node2])
        {
            total += (await node.MetricsAsync()).Sum(Metric);
        }

        return total;
    }
}
