using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Rows;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load;

/// <summary>Measures the rows that were asked for, one after the other, and reports each when it is done.</summary>
internal static class BenchRun
{
    public static async Task RunAsync(BenchOptions options, TextWriter output)
    {
        if (options.Runs < BenchOptions.RunsToQuote)
        {
            output.WriteLine($"{options.Runs} runs of each side: enough to look at, too few to quote ({BenchOptions.RunsToQuote})");
        }

        output.WriteLine(Machine.Describe(options.Congestion));
        var figures = new List<Comparison>();
        await using var labs = new LabSupply(options.Congestion);
        foreach (IRow row in RowCatalog.All.Where(row => options.Rows.Contains(row.Name)))
        {
            output.WriteLine($"{row.Name}: {row.Title}");
            IReadOnlyList<Comparison> measured = await row.MeasureAsync(new RowContext(labs, options.Seconds, options.Runs, output));
            output.WriteLine(TextReport.Render(measured));
            figures.AddRange(measured);
            if (options.JsonFile is { } file)
            {
                // After every row: what was measured stays, whatever becomes of the next.
                await File.WriteAllTextAsync(file, JsonReport.Render(figures) + '\n');
            }
        }
    }
}
