namespace Mesh.Bench.Load.Measuring;

/// <summary>How many answers took how long, to the microsecond. Not shared between threads.</summary>
internal sealed class LatencyHistogram
{
    private const int MicrosecondsMax = 10_000_000;
    private const double MicrosecondsPerMillisecond = 1_000;

    private readonly int[] _counts = new int[MicrosecondsMax + 1];

    public long Count { get; private set; }

    /// <summary>Whatever took longer than ten seconds counts as ten.</summary>
    public void Add(long microseconds)
    {
        _counts[(int)Math.Clamp(microseconds, 0, MicrosecondsMax)]++;
        Count++;
    }

    /// <summary>The least time, in milliseconds, within which that share of all answers came.</summary>
    /// <param name="share">0.99 for p99.</param>
    /// <exception cref="InvalidOperationException">Nothing was added.</exception>
    public double PercentileMs(double share)
    {
        if (Count == 0)
        {
            throw new InvalidOperationException("Nothing has no percentile.");
        }

        long wanted = Math.Max(1, (long)Math.Ceiling(share * Count));
        long seen = 0;
        int microseconds = -1;
        while (seen < wanted)
        {
            seen += _counts[++microseconds];
        }

        return microseconds / MicrosecondsPerMillisecond;
    }
}
