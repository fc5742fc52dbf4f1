namespace Mesh.Node.Protocols.Http2.Defences;

/// <summary>What is left of a <see cref="RateLimit"/>. A mutable struct; the clock is the caller's, in milliseconds.</summary>
internal struct TokenBucket(RateLimit limit)
{
    private const long MillitokensPerToken = 1_000;

    private readonly RateLimit _limit = limit;
    private long _millitokens = limit.Burst * MillitokensPerToken;
    private long _refilledAtMs;

    /// <summary>Takes one token.</summary>
    /// <returns>False when there is none: the limit is exceeded.</returns>
    public bool TryTake(long nowMs)
    {
        // One token per second is one millitoken per millisecond. A clock that stands still or runs back gives nothing.
        long elapsedMs = Math.Min(nowMs - _refilledAtMs, int.MaxValue);
        if (elapsedMs > 0)
        {
            _millitokens = Math.Min(_limit.Burst * MillitokensPerToken, _millitokens + (elapsedMs * _limit.PerSecond));
            _refilledAtMs = nowMs;
        }

        if (_millitokens < MillitokensPerToken)
        {
            return false;
        }

        _millitokens -= MillitokensPerToken;
        return true;
    }

    /// <summary>Gives tokens for something that earns them, up to the burst.</summary>
    public void Credit(int tokens) =>
        _millitokens = Math.Min(_limit.Burst * MillitokensPerToken, _millitokens + (tokens * MillitokensPerToken));
}
