using Mesh.Bench.Control;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Mesh.Lab;

namespace Mesh.Bench.Load.Rows;

/// <summary>What many routes and policies cost: to build, to change one of, and in memory of the control plane and of a proxy.</summary>
internal sealed class ControlPlaneResourcesRow : IRow
{
    private const double BuildSecondsMax = 5;
    private const double ChangeMillisecondsMax = 200;
    private const double ControlMebibytesMax = 1_536;
    private const double ProxyMebibytesMax = 250;
    private const double BytesPerMebibyte = 1_048_576;

    public string Name => "control-plane-resources";

    public string Title =>
        "2,000 VirtualServices, 2,000 HTTPRoutes and 5,000 AuthorizationPolicies over 1,000 services and 20,000 pods, 10 proxies";

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        var options = new ScaleOptions
        {
            MeshControl = Repository.Published("mesh-control", "mesh-control"),
            MeshNode = Repository.Published("mesh-node", "mesh-node"),
            Pods = 20_000,
            Proxies = 10,
            VirtualServices = 2_000,
            HttpRoutes = 2_000,
            Policies = 5_000,
            Changes = 100,
        };
        var runs = new List<ScaleFigures>();
        while (runs.Count < context.Runs)
        {
            runs.Add(await ControlPlaneRow.MeasureOnceAsync(options));
            context.Output.WriteLine($"  run {runs.Count}: {Describe(runs[^1])}");
        }

        return Compare(runs);
    }

    /// <summary>The figures as they are reported, each beside its bound.</summary>
    internal static IReadOnlyList<Comparison> Compare(IReadOnlyList<ScaleFigures> runs) =>
    [
        Promised("control-plane-resources", "s", run => run.Build.TotalSeconds, BuildSecondsMax, runs),
        Promised("control-plane-resources/change-p99", "ms", run => WorstHundredth(run.Changes), ChangeMillisecondsMax, runs),
        Promised("control-plane-resources/memory", "MiB", run => run.PeakBytes / BytesPerMebibyte, ControlMebibytesMax, runs),
        .. runs.Any(run => run.ProxyBytes is null)
            ? Array.Empty<Comparison>()
            : [Promised("control-plane-resources/proxy-memory", "MiB", run => run.ProxyBytes!.Value / BytesPerMebibyte, ProxyMebibytesMax, runs)],
    ];

    private static Comparison Promised(
        string name, string unit, Func<ScaleFigures, double> valueOf, double bound, IReadOnlyList<ScaleFigures> runs) =>
        SingleFigure.Promised(name, unit, Median.Of(runs.Select(valueOf)), bound, runs.Count);

    // The smallest that 99 of 100 do not exceed.
    private static double WorstHundredth(IReadOnlyList<TimeSpan> changes)
    {
        TimeSpan[] sorted = [.. changes.Order()];
        return sorted[Math.Max((int)Math.Ceiling(sorted.Length * 0.99) - 1, 0)].TotalMilliseconds;
    }

    private static string Describe(ScaleFigures run) =>
        $"built in {run.Build.TotalSeconds:0.00} s, {run.Load.TotalSeconds:0.0} s from the start of the process to a proxy holding all; "
        + $"a change in {Median.Of(run.Changes.Select(change => change.TotalMilliseconds)).Middle:0} ms (p99 {WorstHundredth(run.Changes):0} ms), "
        + $"of which the directory has to rest for 100; control plane: {run.ProcessorTime.TotalSeconds:0.0} s of CPU, at most "
        + $"{run.PeakBytes / BytesPerMebibyte:0} MiB resident"
        + (run.ProxyBytes is long proxy ? $"; a proxy without pods: {proxy / BytesPerMebibyte:0} MiB" : "");
}
