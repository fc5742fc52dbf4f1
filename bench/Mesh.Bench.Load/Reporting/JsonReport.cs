using System.Text.Json;

namespace Mesh.Bench.Load.Reporting;

/// <summary>The figures as others' programs read them: a list of objects, one for each <see cref="Comparison"/>.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
    };

    public static string Render(IEnumerable<Comparison> comparisons) => JsonSerializer.Serialize(comparisons.Select(Entry.Of), s_options);

    private sealed record Entry(
        string Name,
        string Peer,
        string Unit,
        double Ours,
        double Theirs,
        double? Ratio,
        double? CpuOurs,
        double? CpuTheirs,
        double? CpuRatio,
        int Runs)
    {
        // JSON has no infinity: a ratio over nothing is none.
        public static Entry Of(Comparison comparison) => new(
            comparison.Name,
            comparison.Peer,
            comparison.Unit,
            comparison.Ours.Middle,
            comparison.Theirs.Middle,
            Finite(comparison.Ratio),
            comparison.CpuOurs?.Middle,
            comparison.CpuTheirs?.Middle,
            Finite(comparison.CpuRatio),
            comparison.Runs);

        private static double? Finite(double? value) => value is { } number && double.IsFinite(number) ? number : null;
    }
}
