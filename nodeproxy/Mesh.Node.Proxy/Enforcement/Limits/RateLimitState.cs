using System.Collections.Concurrent;
using Mesh.Api.Identity;
using Mesh.Node.Model.Policies.Limits;

namespace Mesh.Node.Proxy.Enforcement.Limits;

/// <summary>What has been asked of one workload by one limit, on whatever loops. Any thread; no locks.</summary>
internal sealed class RateLimitState
{
    /// <summary>
    /// Clients with an allowance of their own. Of more, those that asked nothing lately are forgotten, which changes nothing for them;
    /// where all have asked lately, the further ones share an allowance.
    /// </summary>
    public const int ClientsMax = 4_096;

    private readonly ConcurrentDictionary<SpiffeId, Allowance> _clients = new();
    private readonly RateLimit _limit;
    private readonly TimeProvider _clock;
    private readonly Allowance _shared;
    private long _sweptTicks = long.MinValue;
    private long _passed;
    private long _refused;

    public RateLimitState(RateLimit limit, TimeProvider clock)
    {
        _limit = limit;
        _clock = clock;
        _shared = NewAllowance();
    }

    /// <summary>Requests that counted and were let in.</summary>
    public long Passed => Volatile.Read(ref _passed);

    /// <summary>Requests that were refused by it.</summary>
    public long Refused => Volatile.Read(ref _refused);

    /// <summary>Clients that have an allowance of their own now.</summary>
    public int ClientCount => _clients.Count;

    /// <summary>Whether what is known by it holds for a limit too: its rate is the same, whichever requests count.</summary>
    public bool Fits(RateLimit limit) => limit.Requests == _limit.Requests
        && limit.Interval == _limit.Interval
        && limit.Burst == _limit.Burst
        && limit.IsByClient == _limit.IsByClient;

    public void CountPassed() => Interlocked.Increment(ref _passed);

    public void CountRefused() => Interlocked.Increment(ref _refused);

    /// <summary>The allowance of a client; null for one without an identity. To be asked once a connection.</summary>
    public Allowance AllowanceOf(SpiffeId? client)
    {
        if (!_limit.IsByClient || client is null)
        {
            return _shared;
        }

        if (_clients.TryGetValue(client, out Allowance? known))
        {
            return known;
        }

        // Loops that come at once may go past the number by one each.
        if (_clients.Count >= ClientsMax && !TryForgetIdle())
        {
            return _shared;
        }

        return _clients.GetOrAdd(client, _ => NewAllowance());
    }

    /// <summary>Forgets clients whose allowance is as good as new. Once a second at most: it looks at all of them.</summary>
    private bool TryForgetIdle()
    {
        long nowTicks = _clock.GetTimestamp();
        long sweptTicks = Volatile.Read(ref _sweptTicks);
        if (nowTicks < sweptTicks + _clock.TimestampFrequency
            || Interlocked.CompareExchange(ref _sweptTicks, nowTicks, sweptTicks) != sweptTicks)
        {
            return false;
        }

        foreach ((SpiffeId client, Allowance allowance) in _clients)
        {
            if (allowance.Bucket.IsFull(nowTicks) && _clients.TryRemove(client, out _))
            {
                allowance.Retire();
            }
        }

        return _clients.Count < ClientsMax;
    }

    private Allowance NewAllowance() => new(new TokenBucket(_limit, _clock.TimestampFrequency));
}
