using System.Collections.Immutable;

namespace Mesh.Node.Model.Outliers;

/// <summary>
/// The endpoints of one destination, of which those that answer badly are left out for a while. Pure: it is told the time. Any thread;
/// reports take no lock unless an endpoint is about to be ejected.
/// </summary>
/// <remarks>
/// One endpoint may always be out, whatever share of the pool that is: in a pool of two, a limit of ten percent would otherwise turn
/// detection off without a word (reference 0.2). An endpoint that comes back has nothing counted against it.
/// </remarks>
public sealed class OutlierPool
{
    private readonly Lock _gate = new();
    private readonly IOutlierObserver? _observer;
    private ImmutableArray<OutlierEndpoint> _endpoints = [];
    private long _ejections;
    private long _overflows;
    private int _ejected;

    /// <param name="options">When endpoints are ejected.</param>
    /// <param name="observer">Who is told; null for nobody.</param>
    public OutlierPool(OutlierOptions options, IOutlierObserver? observer = null)
    {
        Options = options;
        _observer = observer;
    }

    public OutlierOptions Options { get; }

    /// <summary>Ejections since the start.</summary>
    public long EjectionsTotal => Volatile.Read(ref _ejections);

    /// <summary>Ejections that were due and would have left too few.</summary>
    public long OverflowsTotal => Volatile.Read(ref _overflows);

    /// <summary>How many endpoints are out now.</summary>
    public int EjectedCount => Volatile.Read(ref _ejected);

    /// <summary>Adds an endpoint that is well.</summary>
    /// <param name="name">What people know it by.</param>
    public OutlierEndpoint Add(string name)
    {
        var endpoint = new OutlierEndpoint(this, name);
        lock (_gate)
        {
            _endpoints = _endpoints.Add(endpoint);
        }

        return endpoint;
    }

    /// <summary>Forgets an endpoint; if it was out, another may be.</summary>
    public void Remove(OutlierEndpoint endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        lock (_gate)
        {
            if (_endpoints.Contains(endpoint))
            {
                _endpoints = _endpoints.Remove(endpoint);
                _ejected -= endpoint.IsEjected ? 1 : 0;
            }
        }
    }

    /// <summary>
    /// To be called once an interval: lets back in whose time is over, compares the others with each other, and forgets what the interval
    /// counted.
    /// </summary>
    /// <param name="nowMs">Monotonic milliseconds.</param>
    public void Sweep(long nowMs)
    {
        lock (_gate)
        {
            foreach (OutlierEndpoint endpoint in _endpoints)
            {
                if (!endpoint.IsEjected)
                {
                    endpoint.Recover();
                }
                else if (nowMs >= endpoint.EjectedUntilMs)
                {
                    endpoint.Return();
                    _ejected--;
                }
            }

            Compare(nowMs);
        }
    }

    /// <summary>Ejects an endpoint that has failed too often in a row, unless too many are out.</summary>
    internal void Suspect(OutlierEndpoint endpoint, EjectionCause cause, long nowMs)
    {
        lock (_gate)
        {
            TryEject(endpoint, cause, nowMs);
        }
    }

    private void Compare(long nowMs)
    {
        if (Options.SuccessRate is null && Options.Latency is null)
        {
            return;
        }

        Sample[] samples =
        [
            .. _endpoints
                .Where(endpoint => !endpoint.IsEjected)
                .Select(endpoint => new Sample(endpoint, endpoint.TakeInterval()))
        ];
        CompareSuccess(samples, nowMs);
        CompareLatency(samples, nowMs);
    }

    private void CompareSuccess(Sample[] samples, long nowMs)
    {
        if (Options.SuccessRate is not SuccessRateOptions options)
        {
            return;
        }

        (Sample Sample, double Rate)[] rates =
        [
            .. samples
                .Where(sample => sample.Counts.Requests >= Math.Max(1, options.RequestsMin))
                .Select(sample => (sample, sample.Counts.Successes / (double)sample.Counts.Requests)),
        ];
        if (rates.Length < Math.Max(2, options.EndpointsMin))
        {
            return;
        }

        double mean = rates.Average(rate => rate.Rate);
        double deviation = Math.Sqrt(rates.Average(rate => (rate.Rate - mean) * (rate.Rate - mean)));
        double least = mean - (deviation * options.DeviationsPermille / 1_000);
        foreach ((Sample sample, double rate) in rates.OrderBy(rate => rate.Rate))
        {
            if (rate < least)
            {
                TryEject(sample.Endpoint, EjectionCause.SuccessRate, nowMs);
            }
        }
    }

    private void CompareLatency(Sample[] samples, long nowMs)
    {
        if (Options.Latency is not LatencyOptions options)
        {
            return;
        }

        (Sample Sample, double MeanMs)[] means =
        [
            .. samples
                .Where(sample => sample.Counts.Answers >= Math.Max(1, options.RequestsMin))
                .Select(sample => (sample, sample.Counts.LatencySumMs / (double)sample.Counts.Answers))
                .OrderByDescending(mean => mean.Item2),
        ];
        if (means.Length < Math.Max(2, options.EndpointsMin))
        {
            return;
        }

        // The middle one, or the faster of the two: a slow half must not set the measure.
        double medianMs = means[means.Length / 2].MeanMs;
        foreach ((Sample sample, double meanMs) in means)
        {
            if (meanMs >= options.Floor.TotalMilliseconds && meanMs * 100 > medianMs * options.FactorPercent)
            {
                TryEject(sample.Endpoint, EjectionCause.Latency, nowMs);
            }
        }
    }

    /// <summary>Under the gate.</summary>
    private void TryEject(OutlierEndpoint endpoint, EjectionCause cause, long nowMs)
    {
        if (endpoint.IsEjected || !_endpoints.Contains(endpoint))
        {
            return;
        }

        bool isWithinLimit = 100L * (_ejected + 1) <= (long)Options.MaxEjectionPercent * _endpoints.Length;
        if (!isWithinLimit && _ejected > 0)
        {
            _overflows++;
            _observer?.OnEjectionOverflow();
            return;
        }

        TimeSpan longest = Options.MaxEjection > Options.BaseEjection ? Options.MaxEjection : Options.BaseEjection;
        TimeSpan wanted = Options.BaseEjection * (endpoint.Ejections + 1);
        long durationMs = (long)(wanted < longest ? wanted : longest).TotalMilliseconds;
        endpoint.Eject(cause, nowMs + durationMs, grows: wanted < longest);
        _ejected++;
        _ejections++;
        _observer?.OnEjected(endpoint, cause, durationMs);
    }

    private readonly record struct Sample(OutlierEndpoint Endpoint, OutlierEndpoint.IntervalCounts Counts);
}
