namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>Every metric of the process. Components register what they count at start; scrapes read it.</summary>
/// <remarks>
/// Registration locks; reading does not. A name belongs to one family with one type and one help text; a series is registered once.
/// Anything else is our mistake and throws at start.
/// </remarks>
/// <param name="loops">How many loops there are; shards are indexed by the loop's own index.</param>
public sealed class MetricRegistry(int loops)
{
    private readonly Lock _gate = new();

    // Replaced whole under the lock, so a scrape reads one array without it.
    private MetricFamily[] _families = [];

    /// <summary>All families, in order of registration.</summary>
    public IReadOnlyList<MetricFamily> Families => Volatile.Read(ref _families);

    /// <summary>Registers a counter that loops add to.</summary>
    public ShardedCounter AddShardedCounter(string name, string help, LabelSet? labels = null)
    {
        ShardedCounter counter = new(loops);
        AddSeries(name, MetricType.Counter, help, labels, () => counter.Value);
        return counter;
    }

    /// <summary>Registers a counter that any thread adds to.</summary>
    public Counter AddCounter(string name, string help, LabelSet? labels = null)
    {
        Counter counter = new();
        AddSeries(name, MetricType.Counter, help, labels, () => counter.Value);
        return counter;
    }

    /// <summary>Registers a count that somebody else keeps. <paramref name="read"/> runs on the scrape's thread.</summary>
    public void AddCounter(string name, string help, Func<double> read) => AddSeries(name, MetricType.Counter, help, labels: null, read);

    /// <inheritdoc cref="AddCounter(string, string, Func{double})"/>
    public void AddCounter(string name, string help, LabelSet labels, Func<double> read) =>
        AddSeries(name, MetricType.Counter, help, labels, read);

    /// <summary>Registers a value that goes up and down. <paramref name="read"/> runs on the scrape's thread.</summary>
    public void AddGauge(string name, string help, Func<double> read) => AddSeries(name, MetricType.Gauge, help, labels: null, read);

    /// <inheritdoc cref="AddGauge(string, string, Func{double})"/>
    public void AddGauge(string name, string help, LabelSet labels, Func<double> read) =>
        AddSeries(name, MetricType.Gauge, help, labels, read);

    /// <summary>Registers a family whose series come and go.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public void Add(MetricFamily family)
    {
        lock (_gate)
        {
            if (Find(family.Name) is not null)
            {
                throw new ArgumentException($"The metric '{family.Name}' is registered twice.", nameof(family));
            }

            Volatile.Write(ref _families, [.. _families, family]);
        }
    }

    private void AddSeries(string name, MetricType type, string help, LabelSet? labels, Func<double> read)
    {
        lock (_gate)
        {
            if (Find(name) is not MetricFamily found)
            {
                FixedFamily created = new(name, type, help);
                created.Add(labels ?? LabelSet.Empty, read);
                Volatile.Write(ref _families, [.. _families, created]);
            }
            else if (found is FixedFamily family && family.Type == type && family.Help == help)
            {
                family.Add(labels ?? LabelSet.Empty, read);
            }
            else
            {
                throw new ArgumentException($"The metric '{name}' is registered twice with different meanings.", nameof(name));
            }
        }
    }

    private MetricFamily? Find(string name) => Array.Find(_families, family => family.Name == name);

    /// <summary>A family whose series are known at start.</summary>
    private sealed class FixedFamily(string name, MetricType type, string help) : MetricFamily(name, type, help)
    {
        private (LabelSet Labels, Func<double> Read)[] _series = [];

        public void Add(LabelSet labels, Func<double> read)
        {
            if (Array.Exists(_series, series => IsSame(series.Labels, labels)))
            {
                throw new ArgumentException($"A series of '{Name}' is registered twice.", nameof(labels));
            }

            Volatile.Write(ref _series, [.. _series, (labels, read)]);
        }

        public override IEnumerable<Sample> Collect()
        {
            foreach ((LabelSet labels, Func<double> read) in Volatile.Read(ref _series))
            {
                yield return new Sample(labels, read());
            }
        }

        private static bool IsSame(LabelSet left, LabelSet right)
        {
            if (left.Count != right.Count)
            {
                return false;
            }

            for (int index = 0; index < left.Count; index++)
            {
                if (left[index].Key != right[index].Key || left[index].Value != right[index].Value)
                {
                    return false;
                }
            }

            return true;
        }
    }
}
