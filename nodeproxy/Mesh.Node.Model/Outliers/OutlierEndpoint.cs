namespace Mesh.Node.Model.Outliers;

/// <summary>
/// One endpoint of a pool, with what it has lately answered. Any thread reports; counting allocates nothing and takes no lock, which only
/// an ejection does.
/// </summary>
public sealed class OutlierEndpoint
{
    private readonly OutlierPool _pool;
    private int _consecutive5xx;
    private int _consecutiveGatewayErrors;
    private int _consecutiveLocalOriginFailures;
    private int _requests;
    private int _successes;
    private int _answers;
    private long _latencySumMs;
    private long _ejectedUntilMs;
    private int _isEjected;

    internal OutlierEndpoint(OutlierPool pool, string name)
    {
        _pool = pool;
        Name = name;
    }

    /// <summary>What people know it by: the uid of its workload, or its address.</summary>
    public string Name { get; }

    /// <summary>Whether it is left out now. Any thread.</summary>
    public bool IsEjected => Volatile.Read(ref _isEjected) == 1;

    /// <summary>Why it was last ejected; null when it never was.</summary>
    public EjectionCause? Cause { get; private set; }

    /// <summary>When it comes back, or last came, with the next sweep, in the pool's milliseconds. Any thread.</summary>
    public long EjectedUntilMs => Volatile.Read(ref _ejectedUntilMs);

    /// <summary>
    /// How many times the base the next ejection lasts, less one: each interval without one lowers it. Under the pool's lock.
    /// </summary>
    internal int Ejections { get; private set; }

    /// <summary>Says what became of an attempt.</summary>
    /// <param name="result">What became of it.</param>
    /// <param name="latencyMs">How long the answer took, in milliseconds; ignored where there was none.</param>
    /// <param name="nowMs">The pool's clock: monotonic milliseconds.</param>
    public void Report(AttemptResult result, long latencyMs, long nowMs)
    {
        Interlocked.Increment(ref _requests);
        if (result == AttemptResult.Success)
        {
            Interlocked.Increment(ref _successes);
            Forget(ref _consecutive5xx);
            Forget(ref _consecutiveGatewayErrors);
            Forget(ref _consecutiveLocalOriginFailures);
        }

        if (result != AttemptResult.LocalOriginFailure)
        {
            Interlocked.Increment(ref _answers);
            Interlocked.Add(ref _latencySumMs, latencyMs);
        }

        OutlierOptions options = _pool.Options;
        switch (result)
        {
            case AttemptResult.LocalOriginFailure when options.SplitsLocalOrigin:
                Count(
                    ref _consecutiveLocalOriginFailures,
                    options.ConsecutiveLocalOriginFailures,
                    EjectionCause.ConsecutiveLocalOriginFailures,
                    nowMs);
                break;
            case AttemptResult.LocalOriginFailure or AttemptResult.GatewayError:
                // An answer, even of this kind, shows that the endpoint is reached.
                Forget(ref _consecutiveLocalOriginFailures);
                Count(ref _consecutiveGatewayErrors, options.ConsecutiveGatewayErrors, EjectionCause.ConsecutiveGatewayErrors, nowMs);
                Count(ref _consecutive5xx, options.Consecutive5xx, EjectionCause.Consecutive5xx, nowMs);
                break;
            case AttemptResult.ServerError:
                Forget(ref _consecutiveLocalOriginFailures);
                Forget(ref _consecutiveGatewayErrors);
                Count(ref _consecutive5xx, options.Consecutive5xx, EjectionCause.Consecutive5xx, nowMs);
                break;
            default:
                break;
        }
    }

    /// <summary>Takes what was counted since the last time. Under the pool's lock.</summary>
    internal IntervalCounts TakeInterval()
    {
        int requests = Interlocked.Exchange(ref _requests, 0);
        int successes = Interlocked.Exchange(ref _successes, 0);
        int answers = Interlocked.Exchange(ref _answers, 0);
        long latencySumMs = Interlocked.Exchange(ref _latencySumMs, 0);
        return new IntervalCounts(requests, successes, answers, latencySumMs);
    }

    /// <summary>Under the pool's lock.</summary>
    /// <param name="cause">Why.</param>
    /// <param name="untilMs">When it comes back.</param>
    /// <param name="grows">The next one may be longer still. What is longest already must not take ever longer to shrink.</param>
    internal void Eject(EjectionCause cause, long untilMs, bool grows)
    {
        Cause = cause;
        Volatile.Write(ref _ejectedUntilMs, untilMs);
        Ejections += grows ? 1 : 0;
        Volatile.Write(ref _isEjected, 1);
    }

    /// <summary>Lets it back in as if it had never failed: it takes as many failures as the first time. Under the pool's lock.</summary>
    internal void Return()
    {
        Forget(ref _consecutive5xx);
        Forget(ref _consecutiveGatewayErrors);
        Forget(ref _consecutiveLocalOriginFailures);
        _ = TakeInterval();
        Volatile.Write(ref _isEjected, 0);
    }

    /// <summary>An interval without an ejection makes the next one shorter. Under the pool's lock.</summary>
    internal void Recover() => Ejections = Math.Max(0, Ejections - 1);

    private void Count(ref int failures, int threshold, EjectionCause cause, long nowMs)
    {
        // What was under way when it was ejected still comes in; it says nothing new.
        if (threshold > 0 && !IsEjected && Interlocked.Increment(ref failures) >= threshold)
        {
            _pool.Suspect(this, cause, nowMs);
        }
    }

    /// <summary>
    /// Writes only where there is something to forget, so that an endpoint that is well stays in every processor's cache.
    /// </summary>
    private static void Forget(ref int failures)
    {
        if (Volatile.Read(ref failures) != 0)
        {
            Volatile.Write(ref failures, 0);
        }
    }

    /// <summary>What an endpoint did in one interval.</summary>
    /// <param name="Requests">Attempts, whatever became of them.</param>
    /// <param name="Successes">Those answered well.</param>
    /// <param name="Answers">Those answered at all, which alone took a time that can be compared.</param>
    /// <param name="LatencySumMs">How long the answers took together.</param>
    internal readonly record struct IntervalCounts(int Requests, int Successes, int Answers, long LatencySumMs);
}
