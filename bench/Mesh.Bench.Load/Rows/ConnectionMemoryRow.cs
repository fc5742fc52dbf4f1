using System.Globalization;
using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Rows;

/// <summary>
/// Memory that idle connections add, for each, in all proxies they pass. In a lab of its own: memory once used is not given back.
/// </summary>
/// <param name="name">As <see cref="IRow.Name"/>.</param>
/// <param name="title">As <see cref="IRow.Title"/>.</param>
/// <param name="prepare">Starts what carries them.</param>
/// <param name="isFar">Whether the servers are those of the other node.</param>
/// <param name="bytesMax">What is promised; null where nothing is.</param>
internal sealed class ConnectionMemoryRow(
    string name, string title, Func<BenchLab, Task<Contest>> prepare, bool isFar, double? bytesMax) : IRow
{
    private const string Unit = "bytes a connection";

    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(5);

    public string Name => name;

    public string Title => title;

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {IdleConnections.Count:#,0} connections"));
        await using BenchLab bench = await context.Labs.FreshAsync();
        await using Contest contest = await prepare(bench);
        PathReport.Write(context.Output, contest);
        double ours = await BytesAsync(bench, contest.Ours, isOurs: true);
        Contender peer = contest.Peers.Single();
        double theirs = await BytesAsync(bench, peer, isOurs: false);
        return
        [
            .. bytesMax is { } bound ? (Comparison[])[SingleFigure.Promised(name, Unit, ours, bound)] : [],
            SingleFigure.Beside(name, peer.Name, Unit, ours, theirs),
        ];
    }

    private async Task<double> BytesAsync(BenchLab bench, Contender side, bool isOurs)
    {
        Lab.LabPod server = (isOurs, isFar) switch
        {
            (true, false) => bench.MeshServerNear,
            (true, true) => bench.MeshServerFar,
            (false, false) => bench.OutsideServerNear,
            (false, true) => bench.OutsideServerFar,
        };
        await Task.Delay(s_rest, TimeProvider.System);
        long before = side.Proxies.Sum(proxy => proxy.ResidentBytes());
        await using IdleConnections connections = await IdleConnections.OpenAsync(bench, side.Client, side.Target, server);
        await Task.Delay(s_rest, TimeProvider.System);
        return (side.Proxies.Sum(proxy => proxy.ResidentBytes()) - before) / (double)IdleConnections.Count;
    }
}
