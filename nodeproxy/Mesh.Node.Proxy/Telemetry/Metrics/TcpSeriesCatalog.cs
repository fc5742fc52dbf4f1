using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>All istio TCP series of the process, within limits, and the one that takes what is above them.</summary>
/// <remarks>
/// Loops come here when <see cref="TcpSeriesCache"/> does not know a connection's series, which is rare; the lock is held for a look-up.
/// A series goes when a workload or service it names has left the snapshot for the retention time and no connection of it is open.
/// </remarks>
internal sealed class TcpSeriesCatalog(TelemetryOptions options, int loops)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TcpSeriesKey, TcpSeries> _series = [];
    private readonly Dictionary<WorkloadLabels, int> _seriesPerWorkload = [];
    private int _generation;
    private long _overflowed;

    /// <summary>Takes what the limits keep out. It always exists, and shows once it was used.</summary>
    public TcpSeries Overflow { get; } = new(default, loops, flags => TcpLabels.OfOverflow(flags, options.LocalityLabels));

    /// <summary>Grows when series were removed: what a cache remembers from before may be gone. Read by any thread.</summary>
    public int Generation => Volatile.Read(ref _generation);

    /// <summary>How often a connection had to share the overflow series.</summary>
    public long Overflowed => Volatile.Read(ref _overflowed);

    /// <summary>How many series there are, without the overflow series.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _series.Count;
            }
        }
    }

    /// <summary>All series now, the overflow series last if it was ever used.</summary>
    public TcpSeries[] Snapshot()
    {
        lock (_gate)
        {
            return Overflowed > 0 ? [.. _series.Values, Overflow] : [.. _series.Values];
        }
    }

    /// <summary>The series of a connection, as one of the two reporters sees it. Loop thread.</summary>
    public TcpSeries Resolve(ConnectionRecord record, bool isSourceReporter)
    {
        TcpSeriesKey key = TcpSeriesKey.Of(record, isSourceReporter, options.LocalityLabels);
        lock (_gate)
        {
            if (_series.TryGetValue(key, out TcpSeries? found))
            {
                return found;
            }

            int ofWorkload = _seriesPerWorkload.GetValueOrDefault(key.Local);
            if (_series.Count >= options.SeriesMax || ofWorkload >= options.SeriesPerWorkloadMax)
            {
                Volatile.Write(ref _overflowed, _overflowed + 1);
                return Overflow;
            }

            TcpSeries created = Create(key, loops, options.LocalityLabels);
            _series.Add(key, created);
            _seriesPerWorkload[key.Local] = ofWorkload + 1;
            return created;
        }
    }

    // On its own, because what a lambda captures is allocated where its method begins, and finding a series must allocate nothing.
    private static TcpSeries Create(TcpSeriesKey key, int loops, bool withLocality) =>
        new(key, loops, flags => new TcpLabels(key, flags, withLocality));

    /// <summary>Removes the series whose workloads or services have been gone for the retention time.</summary>
    /// <param name="snapshot">What exists now.</param>
    /// <param name="now">The clock.</param>
    /// <returns>Whether some series still wait for their time.</returns>
    public bool Expire(MeshSnapshot snapshot, DateTimeOffset now)
    {
        HashSet<WorkloadLabels> workloads = [default];
        foreach (Workload workload in snapshot.Workloads)
        {
            workloads.Add(WorkloadLabels.Of(workload, options.LocalityLabels));
        }

        HashSet<ServiceLabels> services = [default];
        foreach (ServiceEndpoints endpoints in snapshot.Services)
        {
            services.Add(ServiceLabels.Of(endpoints.Service));
        }

        bool areSomeWaiting = false;
        List<TcpSeries> expired = [];
        foreach (TcpSeries series in Snapshot())
        {
            bool isThere = workloads.Contains(series.Key.Source)
                && workloads.Contains(series.Key.Destination)
                && services.Contains(series.Key.Service);
            series.GoneSince = isThere ? null : series.GoneSince ?? now;
            if (series.GoneSince is not DateTimeOffset gone)
            {
                continue;
            }

            if ((now - gone).TotalMilliseconds >= options.SeriesRetentionMs && series.Open == 0)
            {
                expired.Add(series);
            }
            else
            {
                areSomeWaiting = true;
            }
        }

        if (expired.Count > 0)
        {
            Remove(expired);
        }

        return areSomeWaiting;
    }

    private void Remove(List<TcpSeries> expired)
    {
        lock (_gate)
        {
            foreach (TcpSeries series in expired)
            {
                _series.Remove(series.Key);
                if (--_seriesPerWorkload[series.Key.Local] == 0)
                {
                    _seriesPerWorkload.Remove(series.Key.Local);
                }
            }

            Volatile.Write(ref _generation, _generation + 1);
        }
    }
}
