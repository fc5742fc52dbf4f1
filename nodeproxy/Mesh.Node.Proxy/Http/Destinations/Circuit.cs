using Mesh.Node.Model.Traffic;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>
/// What all loops together have under way to one destination, against its limits. Any thread; takes no lock and allocates nothing. Who
/// takes something returns it through a lease, so that nothing is returned twice: <see cref="RequestLease"/>,
/// <see cref="ConnectionLease"/>.
/// </summary>
/// <param name="limits">The limits at first.</param>
/// <param name="totals">Where what was refused is counted for the whole node too.</param>
internal sealed class Circuit(ConnectionLimits limits, DestinationTotals totals)
{
    /// <summary>Numbers between two counts: 128 bytes, because processors fetch cache lines in pairs.</summary>
    private const int Stride = 32;

    /// <summary>By <see cref="CircuitLimit"/>. The first stride stays empty: it shares its line with the array's header.</summary>
    private readonly int[] _counts = new int[((int)CircuitLimit.Retries + 1) * Stride];
    private readonly long[] _overflows = new long[(int)CircuitLimit.Retries + 1];
    private volatile ConnectionLimits _limits = limits;

    /// <summary>Set when the policy changes. What is under way beyond a lower limit goes on.</summary>
    public ConnectionLimits Limits
    {
        get => _limits;
        set => _limits = value;
    }

    /// <summary>Whether nothing at all is under way.</summary>
    public bool IsIdle =>
        Count(CircuitLimit.Connections) == 0 && Count(CircuitLimit.PendingRequests) == 0
        && Count(CircuitLimit.Requests) == 0 && Count(CircuitLimit.Retries) == 0;

    /// <summary>How many are under way.</summary>
    public int Count(CircuitLimit limit) => Volatile.Read(ref _counts[(int)limit * Stride]);

    /// <summary>How many may be.</summary>
    public uint Max(CircuitLimit limit)
    {
        ConnectionLimits limits = _limits;
        return limit switch
        {
            CircuitLimit.Connections => limits.MaxConnections,
            CircuitLimit.PendingRequests => limits.MaxPendingRequests,
            CircuitLimit.Requests => limits.MaxRequests,
            CircuitLimit.Retries when limits.RetryBudget is RetryBudget budget => RetriesWithin(budget),
            CircuitLimit.Retries => limits.MaxRetries,
            _ => uint.MaxValue,
        };
    }

    /// <summary>Whether no more may be begun: the circuit is open.</summary>
    public bool IsOpen(CircuitLimit limit) => (uint)Count(limit) >= Max(limit);

    /// <summary>How many could not be begun since the destination was first used.</summary>
    public long OverflowsTotal(CircuitLimit limit) => Volatile.Read(ref _overflows[(int)limit]);

    /// <summary>A connection that may be made.</summary>
    /// <param name="isNeeded">It is counted beyond the limit where that is reached: without it nothing could be sent.</param>
    /// <returns>To be disposed when the connection has ended, or was not made after all; null when there are too many.</returns>
    public ConnectionLease? TryOpenConnection(bool isNeeded)
    {
        if (!TryTake(CircuitLimit.Connections, out _))
        {
            if (!isNeeded)
            {
                return null;
            }

            Interlocked.Increment(ref _counts[(int)CircuitLimit.Connections * Stride]);
        }

        return new ConnectionLease(this);
    }

    /// <summary>Counts one more, unless there are as many as there may be: then that is counted, and nothing taken.</summary>
    internal bool TryTake(CircuitLimit limit, out CircuitLimit reached)
    {
        // Not added first and taken back when that was one too many: in between, another would be refused for nothing.
        uint max = Max(limit);
        ref int count = ref _counts[(int)limit * Stride];
        int seen = Volatile.Read(ref count);
        while ((uint)seen < max)
        {
            int before = Interlocked.CompareExchange(ref count, seen + 1, seen);
            if (before == seen)
            {
                reached = CircuitLimit.None;
                return true;
            }

            seen = before;
        }

        reached = limit;
        Interlocked.Increment(ref _overflows[(int)limit]);
        totals.CountOverflow(limit);
        return false;
    }

    /// <summary>Returns what <see cref="TryTake"/> took.</summary>
    internal void Return(CircuitLimit limit) => Interlocked.Decrement(ref _counts[(int)limit * Stride]);

    private uint RetriesWithin(RetryBudget budget) =>
        (uint)Math.Clamp(Count(CircuitLimit.Requests) * budget.Percent / 100, budget.RetriesMin, uint.MaxValue);
}
