namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// How long to wait after one failure after another: twice as long each time, with a random half, so that those who failed together do not
/// come back together. For one loop.
/// </summary>
internal sealed class BackOff(TimeSpan min, TimeSpan max)
{
    private int _failures;

    public void Reset() => _failures = 0;

    public TimeSpan Next()
    {
        TimeSpan delay = min * Math.Pow(2, _failures);
        if (delay >= max)
        {
            return Jitter(max);
        }

        _failures++;
        return Jitter(delay);
    }

    /// <summary>From the half of a duration to the whole of it.</summary>
    public static TimeSpan Jitter(TimeSpan duration) => duration * (0.5 + (Random.Shared.NextDouble() / 2));
}
