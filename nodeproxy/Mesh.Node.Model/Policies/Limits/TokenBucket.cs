namespace Mesh.Node.Model.Policies.Limits;

/// <summary>
/// An allowance that fills evenly and holds no more than a burst. Any thread: one number is changed, without locks and without waiting, so
/// that however many loops take from it, together they take no more than there is.
/// </summary>
/// <remarks>
/// Kept as the moment when it will be full again (the generic cell rate algorithm, ITU-T I.371): each request moves that by its part of the
/// interval, and there is room as long as it is no further off than the burst allows. Reads no clock: it is told.
/// </remarks>
public sealed class TokenBucket
{
    private readonly long _stepTicks;
    private readonly long _aheadTicksMax;
    private long _fullAtTicks = long.MinValue;

    /// <param name="limit">How much it lets through.</param>
    /// <param name="ticksPerSecond">Of the clock whose readings it is told.</param>
    public TokenBucket(RateLimit limit, long ticksPerSecond)
    {
        ArgumentNullException.ThrowIfNull(limit);
        _stepTicks = Math.Max(1, (long)(limit.Interval.TotalSeconds * ticksPerSecond / limit.Requests));
        _aheadTicksMax = _stepTicks * (limit.Burst - 1);
    }

    /// <summary>Whether it is as full as it can be, and so like a new one.</summary>
    public bool IsFull(long nowTicks) => Volatile.Read(ref _fullAtTicks) <= nowTicks;

    /// <summary>Takes the allowance of one request; false when there is none.</summary>
    public bool TryTake(long nowTicks)
    {
        long fullAtTicks = Volatile.Read(ref _fullAtTicks);
        while (true)
        {
            long fromTicks = Math.Max(fullAtTicks, nowTicks);
            if (fromTicks - nowTicks > _aheadTicksMax)
            {
                return false;
            }

            long seenTicks = Interlocked.CompareExchange(ref _fullAtTicks, fromTicks + _stepTicks, fullAtTicks);
            if (seenTicks == fullAtTicks)
            {
                return true;
            }

            fullAtTicks = seenTicks;
        }
    }

    /// <summary>Gives back what was taken for a request that was not let in after all.</summary>
    public void GiveBack() => Interlocked.Add(ref _fullAtTicks, -_stepTicks);
}
