using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Rows;

/// <summary>What both proxies add to a unary call of gRPC that nothing else waits for: its latency beside that of a direct call.</summary>
internal sealed class GrpcRow : IRow
{
    private const string Unit = "p50, ms a call";
    private const int CallsPerSecond = 1_000;

    /// <summary>Both ends are compiled for what they do only after they have done it, and tunnels are made by the first call.</summary>
    private const int WarmUpCalls = 10_000;

    public string Name => "grpc-unary";

    public string Title => "unary gRPC calls one after the other, read by both of two proxies, mutual TLS; beside direct calls";

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        BenchLab bench = await context.Labs.SharedAsync();
        await using Contest contest = await GrpcContest.StartAsync(bench);
        PathReport.Write(context.Output, contest);
        Contender direct = contest.Peers[0];
        var times = contest.Sides.ToDictionary(side => side, _ => new List<double>());
        foreach (Contender side in contest.Sides)
        {
            await GrpcCalls.RunAsync(bench, side, WarmUpCalls);
        }

        for (int run = 0; run < context.Runs; run++)
        {
            foreach (Contender side in contest.Sides)
            {
                times[side].Add((await GrpcCalls.RunAsync(bench, side, context.Seconds * CallsPerSecond)).PercentileMs(0.5));
            }
        }

        return Compare(Median.Of(times[contest.Ours]), Median.Of(times[direct]), context.Runs);
    }

    /// <summary>The figures as they are reported: ours beside what is allowed over a direct call, and beside that call.</summary>
    internal static IReadOnlyList<Comparison> Compare(Median ours, Median direct, int runs) =>
    [
        SingleFigure.Promised("grpc-unary", Unit, ours, Bound(direct.Middle), runs),
        new Comparison
        {
            Name = "grpc-unary",
            Peer = "direct",
            Unit = Unit,
            Ours = ours,
            Theirs = direct,
            Runs = runs,
        },
    ];

    // 1.5 times the direct call and 100 µs.
    private static double Bound(double directMs) => (1.5 * directMs) + 0.1;
}
