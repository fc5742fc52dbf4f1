using System.Net;
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
    private const int Messages = 100_000;
    private const double MessagesPerSecond = 10_000;

    /// <summary>What both proxies of the longest way keep up with, where they read what they carry.</summary>
    private const double RequestsPerSecond = 5_000;

    private const double BytesMax = 1;

    private static readonly TimeSpan s_warmUp = TimeSpan.FromSeconds(2);

    public string Name => "allocated-bytes";

    public string Title => "managed bytes allocated for each of 100,000 small messages, carried and read as HTTP/1.1 requests";

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        BenchLab bench = await context.Labs.SharedAsync();
        return
        [
            await MeasureAsync(bench, "same-node", bench.MeshClient, bench.MeshServerNear.EndPoint(BenchLab.HttpPort), MessagesPerSecond),
            await MeasureAsync(bench, "mtls", bench.MeshClient, bench.MeshServerFar.EndPoint(BenchLab.HttpPort), MessagesPerSecond),
            await MeasureAsync(
                bench, "http-plaintext", bench.OutsideClient, bench.MeshServerNear.EndPoint(BenchLab.RoutedPort), RequestsPerSecond),
            await MeasureAsync(bench, "http-same-node", bench.MeshClient, BenchLab.RoutedNear, RequestsPerSecond),
            await MeasureAsync(bench, "http-mtls", bench.MeshClient, BenchLab.RoutedFar, RequestsPerSecond),
        ];
    }

    private async Task<Comparison> MeasureAsync(BenchLab bench, string way, LabPod client, IPEndPoint target, double rate)
    {
        using RateRun run = await bench.Lab.Place(client.NetworkNamespace).RunOnDedicatedThreadAsync(
            () => RateRun.Open(target, Requests.Connections));
        TimeSpan duration = TimeSpan.FromSeconds(Messages / rate);
        run.Send(rate, s_warmUp);
        await AllocatedAsync(bench);
        double start = await AllocatedAsync(bench);
        await Task.Delay(duration, TimeProvider.System);
        double idle = await AllocatedAsync(bench);
        long messages = run.Send(rate, duration).Count;
        double end = await AllocatedAsync(bench);
        double bytes = Math.Max(0, (end - idle) - (idle - start));
        return SingleFigure.Promised($"{Name}/{way}", "bytes a message", bytes / messages, BytesMax);
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
