using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Rows;

/// <summary>Latencies of both sides at the same fixed rate: a share of the most the peer can do.</summary>
internal static class LatencyStage
{
    /// <summary>Below the knee of every side that can be compared at all, and far enough up for queues to show.</summary>
    public const double ShareOfPeersRate = 0.7;

    /// <param name="row">The row's name, which the figures' names begin with.</param>
    /// <param name="context">How long and how often.</param>
    /// <param name="bench">The lab.</param>
    /// <param name="load">What is sent.</param>
    /// <param name="ours">The mesh.</param>
    /// <param name="peer">Who it is compared with.</param>
    /// <param name="peersRate">Requests per second, at most.</param>
    /// <param name="isPromised">Whether p99 has to be no worse.</param>
    public static async Task<IReadOnlyList<Comparison>> MeasureAsync(
        string row,
        RowContext context,
        BenchLab bench,
        IFixedRateLoad load,
        Contender ours,
        Contender peer,
        double peersRate,
        bool isPromised)
    {
        double rate = Math.Floor(peersRate * ShareOfPeersRate);
        var samples = new Dictionary<Contender, List<LatencySample>> { [ours] = [], [peer] = [] };
        for (int run = 0; run < context.Runs; run++)
        {
            foreach ((Contender side, List<LatencySample> list) in samples)
            {
                list.Add(await RunAsync(context, bench, load, side, rate));
            }
        }

        string at = $"ms at {rate.ToString("#,0", System.Globalization.CultureInfo.InvariantCulture)} requests/s";
        Comparison p50 = new()
        {
            Name = $"{row}/p50",
            Peer = peer.Name,
            Unit = at,
            Ours = Median.Of(samples[ours].Select(sample => sample.P50Ms)),
            Theirs = Median.Of(samples[peer].Select(sample => sample.P50Ms)),
            CpuOurs = Median.Of(samples[ours].Select(sample => sample.Cost.ProxyCpuPerUnit)),
            CpuTheirs = Median.Of(samples[peer].Select(sample => sample.Cost.ProxyCpuPerUnit)),
            WorkUnit = "1,000 requests at that rate",
            Runs = context.Runs,
        };
        return
        [
            p50,
            p50 with
            {
                Name = $"{row}/p99",
                Ours = Median.Of(samples[ours].Select(sample => sample.P99Ms)),
                Theirs = Median.Of(samples[peer].Select(sample => sample.P99Ms)),
                CpuOurs = null,
                CpuTheirs = null,
                WorkUnit = null,
                RatioLimit = isPromised ? Limit.AtMost(1) : null,
            },
        ];
    }

    private static async Task<LatencySample> RunAsync(
        RowContext context, BenchLab bench, IFixedRateLoad load, Contender side, double rate)
    {
        LatencyHistogram? latencies = null;
        Sample cost = await Meter.MeasureAsync(side.Proxies, async () =>
        {
            (WorkDone done, latencies) = await load.RunAsync(bench, side, context.Seconds, rate);
            return done;
        });
        return new LatencySample(cost, latencies!.PercentileMs(0.5), latencies.PercentileMs(0.99));
    }
}
