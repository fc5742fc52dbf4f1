namespace Mesh.Bench.Load.Measuring;

/// <summary>The middle of several runs, and how far they lie apart.</summary>
/// <param name="Middle">The median: of an even number of runs, the mean of the middle two.</param>
/// <param name="Min">The least.</param>
/// <param name="Max">The greatest.</param>
internal readonly record struct Median(double Middle, double Min, double Max)
{
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static Median Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0)
        {
            throw new ArgumentException("Nothing has no middle.", nameof(values));
        }

        int half = sorted.Length / 2;
        double middle = sorted.Length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
        return new Median(middle, sorted[0], sorted[^1]);
    }
}
