using System.Threading.RateLimiting;

namespace Mesh.Control.Serving.Authentication;

/// <summary>How much one node may ask for, so that a broken one cannot starve the others. Any thread.</summary>
public sealed class NodeRateLimits : IDisposable
{
    private readonly PartitionedRateLimiter<string> _certificates = PartitionedRateLimiter.Create<string, string>(
        node => RateLimitPartition.GetTokenBucketLimiter(node, static _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = 500,
            TokensPerPeriod = 50,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            QueueLimit = 0,
        }));

    private readonly PartitionedRateLimiter<string> _streams = PartitionedRateLimiter.Create<string, string>(
        node => RateLimitPartition.GetConcurrencyLimiter(node, static _ => new ConcurrencyLimiterOptions
        {
            PermitLimit = 16,
            QueueLimit = 0,
        }));

    /// <summary>A burst of 500, then 50 a second.</summary>
    public bool TryTakeCertificate(string node)
    {
        using RateLimitLease lease = _certificates.AttemptAcquire(node);
        return lease.IsAcquired;
    }

    /// <summary>At most 16 discovery streams at once: a proxy, its successor, and room for a few half-dead ones.</summary>
    /// <returns>Not acquired when there is no room; to be disposed in either case.</returns>
    public RateLimitLease TakeStream(string node) => _streams.AttemptAcquire(node);

    public void Dispose()
    {
        _certificates.Dispose();
        _streams.Dispose();
    }
}
