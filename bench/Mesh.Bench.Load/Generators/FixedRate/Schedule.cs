namespace Mesh.Bench.Load.Generators.FixedRate;

/// <summary>
/// When requests are due: at ticks of a clock, as many at each as the rate has come to by then. The schedule knows nothing of answers:
/// a server that stalls finds the requests of that time waiting, and each counts from when it was due.
/// </summary>
/// <param name="requestsPerSecond">Above zero.</param>
/// <param name="tick">The time between two ticks.</param>
internal sealed class Schedule(double requestsPerSecond, TimeSpan tick)
{
    private long _released;

    /// <summary>How many requests become due at a tick that were not due before it.</summary>
    /// <param name="number">1 for the first; in order and without gaps.</param>
    public int TakeDue(long number)
    {
        long due = (long)(number * tick.TotalSeconds * requestsPerSecond);
        int fresh = (int)(due - _released);
        _released = due;
        return fresh;
    }
}
