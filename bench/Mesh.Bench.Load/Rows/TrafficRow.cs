using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Rows;

/// <summary>As much traffic of one kind as goes through, ours and the peers' in turn.</summary>
/// <param name="name">As <see cref="IRow.Name"/>.</param>
/// <param name="title">As <see cref="IRow.Title"/>.</param>
/// <param name="load">The traffic.</param>
/// <param name="latencies">The same traffic at a fixed rate, for latencies; null where they do not belong to it.</param>
/// <param name="prepare">Starts what carries it.</param>
/// <param name="targets">What is promised, by peer; a peer without is there to be looked at.</param>
internal sealed class TrafficRow(
    string name,
    string title,
    ILoad load,
    IFixedRateLoad? latencies,
    Func<BenchLab, Task<Contest>> prepare,
    IReadOnlyDictionary<string, Target> targets) : IRow
{
    public string Name => name;

    public string Title => title;

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        BenchLab bench = await context.Labs.SharedAsync();
        await using Contest contest = await prepare(bench);
        PathReport.Write(context.Output, contest);
        Dictionary<Contender, List<Sample>> samples = await RunAsync(context, bench, contest);
        LibraryReport.Write(context.Output, contest);
        var figures = new List<Comparison>();
        foreach (Contender peer in contest.Peers)
        {
            Target? target = targets.GetValueOrDefault(peer.Name);
            figures.AddRange(Compare(peer.Name, target, samples[contest.Ours], samples[peer]));
            if (latencies is not null)
            {
                double peersRate = Median.Of(samples[peer].Select(sample => sample.Rate)).Middle;
                figures.AddRange(await LatencyStage.MeasureAsync(
                    name, context, bench, latencies, contest.Ours, peer, peersRate, isPromised: target is not null));
            }
        }

        return figures;
    }

    private async Task<Dictionary<Contender, List<Sample>>> RunAsync(RowContext context, BenchLab bench, Contest contest)
    {
        var samples = contest.Sides.ToDictionary(side => side, _ => new List<Sample>());
        foreach (Contender side in contest.Sides)
        {
            // Buffers, pools and tunnels are there before anything counts.
            await load.RunAsync(bench, side, side.WarmUpSeconds);
        }

        for (int run = 0; run < context.Runs; run++)
        {
            foreach (Contender side in contest.Sides)
            {
                samples[side].Add(await Meter.MeasureAsync(side.Proxies, () => load.RunAsync(bench, side, context.Seconds)));
            }
        }

        return samples;
    }

    private IEnumerable<Comparison> Compare(string peer, Target? target, List<Sample> ours, List<Sample> theirs)
    {
        yield return new Comparison
        {
            Name = name,
            Peer = peer,
            Unit = load.RateUnit,
            Ours = Median.Of(ours.Select(sample => sample.Rate)),
            Theirs = Median.Of(theirs.Select(sample => sample.Rate)),
            CpuOurs = Median.Of(ours.Select(sample => sample.ProxyCpuPerUnit)),
            CpuTheirs = Median.Of(theirs.Select(sample => sample.ProxyCpuPerUnit)),
            WorkUnit = load.WorkUnit,
            Runs = ours.Count,
            RatioLimit = target is null ? null : Limit.AtLeast(target.RateRatioMin),
            CpuLimit = target is null ? null : Limit.AtMost(target.CpuRatioMax),
        };
        yield return new Comparison
        {
            Name = $"{name}/machine-cpu",
            Peer = peer,
            Unit = $"CPU s per {load.WorkUnit}",
            Ours = Median.Of(ours.Select(sample => sample.MachineCpuPerUnit)),
            Theirs = Median.Of(theirs.Select(sample => sample.MachineCpuPerUnit)),
            Runs = ours.Count,
        };
    }
}
