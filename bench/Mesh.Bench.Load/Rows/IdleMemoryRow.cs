using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Rows;

/// <summary>Memory of a proxy that has its configuration, its certificates and its pods, and nothing to do.</summary>
internal sealed class IdleMemoryRow : IRow
{
    private const double BytesPerMebibyte = 1_048_576;
    private const double MebibytesMax = 40;

    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(5);

    public string Name => "idle-memory";

    public string Title => "memory resident of an idle proxy";

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        await using BenchLab bench = await context.Labs.FreshAsync();
        await using Contest contest = await PlaintextContests.SameNodeStreamAsync(bench);
        await Task.Delay(s_rest, TimeProvider.System);
        double ours = Mebibytes(contest.Ours);
        return
        [
            SingleFigure.Promised(Name, "MiB", ours, MebibytesMax),
            .. contest.Peers.DistinctBy(peer => peer.Proxies[0])
                .Select(peer => SingleFigure.Beside(Name, peer.Name, "MiB", ours, Mebibytes(peer))),
        ];
    }

    private static double Mebibytes(Contender side) => side.Proxies.Sum(proxy => proxy.ResidentBytes()) / BytesPerMebibyte;
}
