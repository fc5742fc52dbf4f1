using System.Globalization;
using Mesh.Bench.Load.Measuring;

namespace Mesh.Bench.Load.Reporting;

/// <summary>The figures as people read them.</summary>
internal static class TextReport
{
    /// <summary>A row's figures against each peer, with what was promised.</summary>
    public static string Render(IReadOnlyList<Comparison> comparisons)
    {
        var lines = new List<string>();
        foreach (IGrouping<string, Comparison> peer in comparisons.GroupBy(comparison => comparison.Peer))
        {
            lines.Add(Line($"over {peer.Key}", "ours", "theirs", "ratio", "ours from-to | theirs from-to"));
            foreach (Comparison comparison in peer)
            {
                lines.Add(Line(comparison.Name + ", " + comparison.Unit, comparison.Ours, comparison.Theirs, comparison.RatioLimit));
                if (comparison is { CpuOurs: { } ours, CpuTheirs: { } theirs })
                {
                    lines.Add(Line($"    proxy CPU s per {comparison.WorkUnit}", ours, theirs, comparison.CpuLimit));
                }
            }
        }

        return string.Join('\n', lines) + '\n';
    }

    private static string Line(string what, Median ours, Median theirs, Limit? limit)
    {
        double ratio = ours.Middle / theirs.Middle;
        string spread = $"{Figure(ours.Min)}-{Figure(ours.Max)} | {Figure(theirs.Min)}-{Figure(theirs.Max)}";
        string verdict = limit is null ? "" : $"   promised {(limit.IsMinimum ? "≥" : "≤")} {Figure(limit.Bound)}: "
            + (limit.IsMetBy(ratio) ? "kept" : "MISSED");
        return Line(what, Figure(ours.Middle), Figure(theirs.Middle), ratio.ToString("0.00", CultureInfo.InvariantCulture), spread + verdict);
    }

    private static string Line(string what, string ours, string theirs, string ratio, string rest) =>
        $"  {what,-44} {ours,14} {theirs,14} {ratio,7}  {rest}".TrimEnd();

    // Three digits tell all that a run can; more would claim what was not measured.
    private static string Figure(double value)
    {
        double size = Math.Abs(value);
        string format = size >= 100 ? "#,0" : size >= 10 ? "0.0" : size >= 1 ? "0.00" : size >= 0.1 ? "0.000" : "0.0000";
        return value.ToString(format, CultureInfo.InvariantCulture);
    }
}
