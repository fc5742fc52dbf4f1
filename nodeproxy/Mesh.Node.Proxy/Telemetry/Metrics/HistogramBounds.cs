using System.Collections.Immutable;
using System.Globalization;

namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>The upper bounds of a histogram's buckets, and how they are written. Immutable.</summary>
public sealed class HistogramBounds
{
    private const string Infinity = "+Inf";

    private readonly double[] _bounds;
    private readonly ImmutableArray<string> _texts;
    private readonly ImmutableArray<string> _decimalTexts;

    /// <summary>Takes the bounds in ascending order, without infinity.</summary>
    /// <exception cref="ArgumentException">They do not ascend.</exception>
    public HistogramBounds(params ReadOnlySpan<double> bounds)
    {
        for (int index = 1; index < bounds.Length; index++)
        {
            if (bounds[index] <= bounds[index - 1])
            {
                throw new ArgumentException("Bounds of buckets ascend.", nameof(bounds));
            }
        }

        _bounds = bounds.ToArray();
        _texts = [.. _bounds.Select(bound => bound.ToString(CultureInfo.InvariantCulture)), Infinity];
        _decimalTexts = [.. _bounds.Select(bound => bound.ToString("0.0##", CultureInfo.InvariantCulture)), Infinity];
    }

    /// <summary>
    /// Envoy's, for whatever is measured: 0.5 to 3 600 000, milliseconds in a duration and bytes in a size.
    /// </summary>
    public static HistogramBounds Default { get; } = new(
        0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000);

    /// <summary>How many buckets there are, the last included, which has no bound.</summary>
    public int BucketCount => _bounds.Length + 1;

    /// <summary>The bucket that counts <paramref name="value"/>: the first whose bound is not below it.</summary>
    public int BucketOf(long value)
    {
        double[] bounds = _bounds;
        int bucket = 0;
        while (bucket < bounds.Length && bounds[bucket] < value)
        {
            bucket++;
        }

        return bucket;
    }

    /// <summary>The bound of a bucket as the label <c>le</c> has it.</summary>
    /// <param name="bucket">0 to <see cref="BucketCount"/> - 1.</param>
    /// <param name="format">OpenMetrics writes every bound with a decimal point.</param>
    public string Text(int bucket, ExpositionFormat format) =>
        format == ExpositionFormat.OpenMetrics ? _decimalTexts[bucket] : _texts[bucket];
}
