using Mesh.Node.Proxy.Config;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>
/// Keeps destinations up with the configuration and with time: the one place for all loops. Works on the thread that changes the
/// configuration and on the timer's, one at a time.
/// </summary>
internal sealed class DestinationUpkeep : IDisposable
{
    /// <summary>How long a destination that is new may have to wait for its first look.</summary>
    private const long PeriodMaxMs = 1_000;

    /// <summary>An interval below this is kept to as well as this allows.</summary>
    private const long PeriodMinMs = 20;

    private readonly Lock _gate = new();
    private readonly DestinationRegistry _registry;
    private readonly IConfigurationReader _configuration;
    private readonly Func<long> _nowMs;
    private readonly ITimer _timer;

    /// <summary>Begins.</summary>
    /// <param name="registry">The destinations.</param>
    /// <param name="configuration">What they are kept up with.</param>
    /// <param name="time">What wakes it.</param>
    /// <param name="nowMs">The loops' milliseconds.</param>
    public DestinationUpkeep(DestinationRegistry registry, IConfigurationReader configuration, TimeProvider time, Func<long> nowMs)
    {
        _registry = registry;
        _configuration = configuration;
        _nowMs = nowMs;
        lock (_gate)
        {
            _timer = time.CreateTimer(
                static state => ((DestinationUpkeep)state!).Sweep(),
                this,
                TimeSpan.FromMilliseconds(PeriodMaxMs),
                Timeout.InfiniteTimeSpan);
        }

        configuration.Changed += OnChanged;
    }

    public void Dispose()
    {
        _configuration.Changed -= OnChanged;
        _timer.Dispose();
    }

    private void OnChanged(ConfigurationChange change)
    {
        lock (_gate)
        {
            // Not what came with the change, but what is in force: a sweep may have seen a later one.
            _registry.Refresh(_configuration.Current, _nowMs());
        }
    }

    private void Sweep()
    {
        lock (_gate)
        {
            long nowMs = _nowMs();
            long waitMs = _registry.Sweep(_configuration.Current, nowMs) - nowMs;
            _timer.Change(TimeSpan.FromMilliseconds(Math.Clamp(waitMs, PeriodMinMs, PeriodMaxMs)), Timeout.InfiniteTimeSpan);
        }
    }
}
