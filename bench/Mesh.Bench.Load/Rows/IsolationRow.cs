using System.Globalization;
using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Generators.FixedRate;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Rows;

/// <summary>
/// What one pod's flood does to another pod of the node: the proxy on one processor, all that asks and answers on the other. The victim's
/// p99 with the flood through the proxy is held against its p99 with the same flood sent around the proxy, so that what generators and
/// servers take from each other is on both sides.
/// </summary>
internal sealed class IsolationRow : IRow
{
    private const double VictimRequestsPerSecond = 500;
    private const int FloodConnections = 1_000;

    /// <summary>Of the processor that the flood shares with the victim and with the servers of both.</summary>
    private const double FloodShare = 0.3;

    private const double FactorMax = 2;
    private const double AddedMsMax = 1;

    private static readonly TimeSpan s_beforeVictim = TimeSpan.FromSeconds(1);

    public string Name => "isolation";

    public string Title => "p99 of 500 requests a second beside 1,000 busy connections of another pod, the proxy on one processor";

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        await using BenchLab bench = await context.Labs.FreshAsync();
        FloodPods pods = await FloodPods.StartAsync(bench);
        await using SplitProcessors split = await SplitProcessors.StartAsync(bench);
        List<double> alone = [];
        List<double> through = [];
        List<double> around = [];
        List<double> floodThrough = [];
        List<double> floodAround = [];
        for (int run = 0; run < context.Runs; run++)
        {
            alone.Add(await VictimAsync(bench, context.Seconds));
            (double p99Ms, double rate) = await WithFloodAsync(bench, context.Seconds, pods.Around);
            around.Add(p99Ms);
            floodAround.Add(rate);
            (p99Ms, rate) = await WithFloodAsync(bench, context.Seconds, pods.Through);
            through.Add(p99Ms);
            floodThrough.Add(rate);
        }

        Median beside = Median.Of(around);
        (double flooded, double floodedAround) = (Median.Of(floodThrough).Middle, Median.Of(floodAround).Middle);
        context.Output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  the flood: {flooded:#,0} requests/s through the proxy, {floodedAround:#,0} around it"));
        return
        [
            SingleFigure.Promised(
                $"{Name}/p99",
                "ms with the flood through the proxy",
                Median.Of(through),
                (FactorMax * beside.Middle) + AddedMsMax,
                context.Runs),
            SingleFigure.Beside($"{Name}/p99-around", "around", "ms with the flood around the proxy", beside.Middle, beside.Middle),
            SingleFigure.Beside($"{Name}/p99-alone", "around", "ms without a flood", Median.Of(alone).Middle, beside.Middle),
        ];
    }

    private static Task<double> VictimAsync(BenchLab bench, int seconds) =>
        bench.Lab.Place(bench.MeshClient.NetworkNamespace).RunOnDedicatedThreadAsync(() =>
        {
            using var run = RateRun.Open(BenchLab.RoutedNear, Requests.Connections);
            return run.Send(VictimRequestsPerSecond, TimeSpan.FromSeconds(seconds)).PercentileMs(0.99);
        });

    /// <summary>The victim's p99 in milliseconds, and what the flood was answered a second.</summary>
    private static async Task<(double P99Ms, double FloodRate)> WithFloodAsync(BenchLab bench, int seconds, FloodWay way)
    {
        bool isOver = false;
        TimeProvider clock = TimeProvider.System;
        long startedAt = clock.GetTimestamp();
        Task<long> flood = bench.Lab.Place(way.NetworkNamespace).RunOnDedicatedThreadAsync(() =>
        {
            using var run = RateRun.Open(way.Target, FloodConnections);
            return run.Flood(FloodShare, () => Volatile.Read(ref isOver));
        });
        try
        {
            await Task.Delay(s_beforeVictim, clock);
            double p99Ms = await VictimAsync(bench, seconds);
            TimeSpan took = clock.GetElapsedTime(startedAt);
            Volatile.Write(ref isOver, true);
            return (p99Ms, await flood / took.TotalSeconds);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
        }
    }
}
