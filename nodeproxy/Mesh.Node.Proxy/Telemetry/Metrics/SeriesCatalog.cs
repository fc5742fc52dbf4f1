using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>All istio series of one kind, within limits, and the one that takes what is above them.</summary>
/// <remarks>
/// Loops come here when a cache of theirs does not know a series, which is rare; the lock is held for a look-up. A series goes when a
/// workload or service it names has left the snapshot for the retention time and nothing of it is open.
/// </remarks>
/// <param name="limits">How many series there may be, and for how long.</param>
/// <param name="overflow">Takes what the limits keep out. It always exists, and shows once it was used.</param>
/// <param name="create">Makes the series of a key.</param>
internal class SeriesCatalog<TKey, TSeries>(SeriesLimits limits, TSeries overflow, Func<TKey, TSeries> create)
    where TKey : struct, ISeriesKey, IEquatable<TKey>
    where TSeries : class, ISeries<TKey>
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, TSeries> _series = [];
    private readonly Dictionary<WorkloadLabels, int> _seriesPerWorkload = [];
    private int _generation;
    private long _overflowed;

    /// <summary>Grows when series were removed: what a cache remembers from before may be gone. Read by any thread.</summary>
    public int Generation => Volatile.Read(ref _generation);

    /// <summary>How often the overflow series was shared.</summary>
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
    public TSeries[] Snapshot()
    {
        lock (_gate)
        {
            return Overflowed > 0 ? [.. _series.Values, overflow] : [.. _series.Values];
        }
    }

    /// <summary>The series of a key. Allocates only to make one. Loop thread.</summary>
    public TSeries Resolve(in TKey key)
    {
        lock (_gate)
        {
            if (_series.TryGetValue(key, out TSeries? found))
            {
                return found;
            }

            int ofWorkload = _seriesPerWorkload.GetValueOrDefault(key.Local);
            if (_series.Count >= limits.SeriesMax || ofWorkload >= limits.SeriesPerWorkloadMax)
            {
                Volatile.Write(ref _overflowed, _overflowed + 1);
                return overflow;
            }

            TSeries created = create(key);
            _series.Add(key, created);
            _seriesPerWorkload[key.Local] = ofWorkload + 1;
            return created;
        }
    }

    /// <summary>Removes the series whose workloads or services have been gone for the retention time.</summary>
    /// <param name="snapshot">What exists now.</param>
    /// <param name="now">The clock.</param>
    /// <returns>Whether some series still wait for their time.</returns>
    public bool Expire(MeshSnapshot snapshot, DateTimeOffset now)
    {
        HashSet<WorkloadLabels> workloads = [default];
        foreach (Workload workload in snapshot.Workloads)
        {
            workloads.Add(WorkloadLabels.Of(workload, limits.WithLocality));
        }

        HashSet<ServiceLabels> services = [default, ServiceLabels.Passthrough, ServiceLabels.Blocked];
        foreach (ServiceEndpoints endpoints in snapshot.Services)
        {
            services.Add(ServiceLabels.Of(endpoints.Service));
        }

        bool areSomeWaiting = false;
        List<TSeries> expired = [];
        foreach (TSeries series in Snapshot())
        {
            bool isThere = workloads.Contains(series.Key.Source)
                && workloads.Contains(series.Key.Destination)
                && services.Contains(series.Key.Service);
            series.GoneSince = isThere ? null : series.GoneSince ?? now;
            if (series.GoneSince is not DateTimeOffset gone)
            {
                continue;
            }

            if ((now - gone).TotalMilliseconds >= limits.RetentionMs && !series.IsInUse)
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

    private void Remove(List<TSeries> expired)
    {
        lock (_gate)
        {
            foreach (TSeries series in expired)
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
