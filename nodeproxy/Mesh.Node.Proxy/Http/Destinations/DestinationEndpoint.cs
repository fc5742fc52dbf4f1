using Mesh.Node.Model.Outliers;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>
/// What one node knows of an endpoint as a place where one destination is served. Stays the same while the endpoint stays, whatever else
/// changes. Any thread; counting takes no lock and allocates nothing.
/// </summary>
/// <param name="uid">The workload's.</param>
/// <param name="usableSinceMs">
/// When this node first saw that it may be used, in the loops' milliseconds; <see cref="Established"/> where it already was when the node
/// first used the destination.
/// </param>
internal sealed class DestinationEndpoint(string uid, long usableSinceMs)
{
    /// <summary>Long before every moment a clock can show: such an endpoint is not new.</summary>
    public const long Established = long.MinValue / 2;

    private volatile OutlierEndpoint? _outlier;
    private int _active;
    private long _requests;
    private long _successes;
    private long _requestsAtSweep;
    private long _successesAtSweep;
    private double _intervalSuccessRate = -1;

    /// <summary>The workload's uid.</summary>
    public string Uid => uid;

    /// <summary>When this node first saw that it may be used, in the loops' milliseconds, or <see cref="Established"/>.</summary>
    public long UsableSinceMs => usableSinceMs;

    /// <summary>What watches it; null while nobody asks for that. Set by its destination.</summary>
    public OutlierEndpoint? Outlier
    {
        get => _outlier;
        set => _outlier = value;
    }

    /// <summary>Whether it is left out for now.</summary>
    public bool IsEjected => _outlier is { IsEjected: true };

    /// <summary>Attempts under way.</summary>
    public int Active => Volatile.Read(ref _active);

    /// <summary>Attempts that ended and said something.</summary>
    public long RequestsTotal => Volatile.Read(ref _requests);

    /// <summary>Those of them that succeeded.</summary>
    public long SuccessesTotal => Volatile.Read(ref _successes);

    /// <summary>The part of its attempts in the last whole interval that succeeded, 0 to 1; -1 when there was none.</summary>
    public double IntervalSuccessRate => Volatile.Read(ref _intervalSuccessRate);

    /// <summary>Says what became of an attempt.</summary>
    /// <param name="result">As far as its health is concerned.</param>
    /// <param name="latencyMs">How long the answer took, in milliseconds; ignored where there was none.</param>
    /// <param name="nowMs">The loop's milliseconds.</param>
    public void Report(AttemptResult result, long latencyMs, long nowMs)
    {
        Interlocked.Increment(ref _requests);
        if (result == AttemptResult.Success)
        {
            Interlocked.Increment(ref _successes);
        }

        _outlier?.Report(result, latencyMs, nowMs);
    }

    internal void CountBegun() => Interlocked.Increment(ref _active);

    internal void CountEnded() => Interlocked.Decrement(ref _active);

    /// <summary>Ends an interval: what was counted in it becomes its rate. One thread at a time.</summary>
    internal void EndInterval()
    {
        long requests = RequestsTotal;
        long successes = SuccessesTotal;
        long begun = requests - _requestsAtSweep;

        // An attempt may be counted between the two reads, as one more success than attempts.
        double rate = begun == 0 ? -1 : Math.Min(1, (successes - _successesAtSweep) / (double)begun);
        Volatile.Write(ref _intervalSuccessRate, rate);
        _requestsAtSweep = requests;
        _successesAtSweep = successes;
    }
}
