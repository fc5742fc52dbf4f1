using Mesh.Bench.Control;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Mesh.Lab;

namespace Mesh.Bench.Load.Rows;

/// <summary>How long the control plane takes over a large mesh: to load and push it, and to push one change to all proxies.</summary>
internal sealed class ControlPlaneRow : IRow
{
    private const double LoadSecondsMax = 10;
    private const double ChangeSecondsMax = 1;
    private const double BytesPerMebibyte = 1_048_576;

    public string Name => "control-plane";

    public string Title => "1,000 services and 5,000 pods loaded and pushed to a proxy; one changed pod pushed to 100 proxies";

    public async Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context)
    {
        var options = new ScaleOptions { MeshControl = Repository.Published("mesh-control", "mesh-control") };
        var runs = new List<ScaleFigures>();
        while (runs.Count < context.Runs)
        {
            runs.Add(await MeasureOnceAsync(options));
            context.Output.WriteLine($"  run {runs.Count}: {Describe(runs[^1], options)}");
        }

        return Compare(runs);
    }

    /// <summary>The figures as they are reported, each beside its bound in seconds.</summary>
    internal static IReadOnlyList<Comparison> Compare(IReadOnlyList<ScaleFigures> runs) =>
    [
        SingleFigure.Promised("control-plane", "s", Median.Of(runs.Select(run => run.Load.TotalSeconds)), LoadSecondsMax, runs.Count),
        SingleFigure.Promised(
            "control-plane/change",
            "s",
            Median.Of(runs.SelectMany(run => run.Changes).Select(change => change.TotalSeconds)),
            ChangeSecondsMax,
            runs.Count),
    ];

    internal static async Task<ScaleFigures> MeasureOnceAsync(ScaleOptions options)
    {
        try
        {
            return await ScaleRun.MeasureAsync(options);
        }
        catch (ScaleException exception)
        {
            throw new BenchException(exception.Message);
        }
    }

    private static string Describe(ScaleFigures run, ScaleOptions options) =>
        $"loaded in {run.Load.TotalSeconds:0.00} s, the other {options.Proxies - 1} proxies at once in {run.Storm.TotalSeconds:0.00} s, "
        + $"a change in at most {run.Changes.Max().TotalMilliseconds:0} ms; "
        + $"control plane: {run.ProcessorTime.TotalSeconds:0.0} s of CPU, {run.ResidentBytes / BytesPerMebibyte:0} MiB resident";
}
