namespace Mesh.Node.Transport.EventLoops;

/// <summary>
/// The timers of one loop: a fine wheel for what is near, a coarse one for idle limits, so an idle proxy wakes once a second at most.
/// </summary>
public sealed class TimerWheels
{
    private const int FineTickMs = 16;
    private const int FineSlots = 256;
    private const int CoarseTickMs = 1000;
    private const int CoarseSlots = 512;

    private readonly TimerWheel _fine;
    private readonly TimerWheel _coarse;

    internal TimerWheels(long nowMs)
    {
        _fine = new TimerWheel(FineTickMs, FineSlots, nowMs);
        _coarse = new TimerWheel(CoarseTickMs, CoarseSlots, nowMs);
    }

    /// <summary>Timers armed.</summary>
    public int Count => _fine.Count + _coarse.Count;

    internal void Add(LoopTimer timer, long nowMs)
    {
        TimerWheel wheel = timer.DueMs - nowMs < FineTickMs * (FineSlots - 1) ? _fine : _coarse;
        wheel.Add(timer);
    }

    internal void Advance(long nowMs)
    {
        _fine.Advance(nowMs);
        _coarse.Advance(nowMs);
    }

    /// <summary>How long the loop may wait: -1 for as long as it likes.</summary>
    internal int WaitMs(long nowMs)
    {
        int fine = _fine.WaitMs(nowMs);
        int coarse = _coarse.WaitMs(nowMs);
        return fine < 0 ? coarse : coarse < 0 ? fine : Math.Min(fine, coarse);
    }
}
