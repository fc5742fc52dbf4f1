namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>What one series of a histogram says now.</summary>
/// <param name="bounds">The upper bounds of its buckets, without the last, which has none.</param>
/// <param name="counts">How many values fell in each bucket, the last included, not added up.</param>
/// <param name="sum">The sum of all values.</param>
public sealed class HistogramValue(HistogramBounds bounds, long[] counts, double sum)
{
    /// <summary>The upper bounds of the buckets.</summary>
    public HistogramBounds Bounds { get; } = bounds;

    /// <summary>The sum of all values.</summary>
    public double Sum { get; } = sum;

    /// <summary>How many values there were.</summary>
    public long Count => CountUpTo(counts.Length - 1);

    /// <summary>How many values were at most the bound of a bucket; of the last bucket, all.</summary>
    /// <param name="bucket">0 to the number of bounds.</param>
    public long CountUpTo(int bucket)
    {
        long count = 0;
        for (int index = 0; index <= bucket; index++)
        {
            count += counts[index];
        }

        return count;
    }
}
