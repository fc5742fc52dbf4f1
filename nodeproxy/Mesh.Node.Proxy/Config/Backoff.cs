namespace Mesh.Node.Proxy.Config;

/// <summary>
/// How long to wait before the next attempt: doubling from a first to a longest delay, each spread so that nodes do not march in step.
/// </summary>
/// <param name="first">The delay after the first failure.</param>
/// <param name="longest">No delay before spreading is longer.</param>
/// <param name="spread">Each delay is multiplied by a random factor from 1 - spread to 1 + spread.</param>
internal sealed class Backoff(TimeSpan first, TimeSpan longest, double spread)
{
    private int _doublings;

    /// <summary>The delay to wait now; the following one doubles.</summary>
    public TimeSpan Next()
    {
        TimeSpan doubled = first * Math.Pow(2, _doublings);
        bool isLongest = doubled >= longest;
        TimeSpan delay = isLongest ? longest : doubled;
        _doublings += isLongest ? 0 : 1;

        // Not a secret: predictable spreading harms nobody.
#pragma warning disable CA5394
        return delay * (1 - spread + (2 * spread * Random.Shared.NextDouble()));
#pragma warning restore CA5394
    }

    /// <summary>After a success.</summary>
    public void Reset() => _doublings = 0;
}
