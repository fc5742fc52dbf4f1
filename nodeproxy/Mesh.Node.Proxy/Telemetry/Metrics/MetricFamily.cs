namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>What a metric's value means.</summary>
public enum MetricType
{
    /// <summary>Only grows while the process lives.</summary>
    Counter,

    /// <summary>Goes up and down.</summary>
    Gauge,

    /// <summary>How often values fell in each of some ranges, and their sum; only grows.</summary>
    Histogram,
}

/// <summary>One value of one series.</summary>
/// <param name="Labels">Which series.</param>
/// <param name="Value">Its value now; 0 for a histogram. Counters are exact up to 2^53.</param>
/// <param name="Histogram">What a histogram says; null for other types.</param>
public readonly record struct Sample(LabelSet Labels, double Value, HistogramValue? Histogram = null);

/// <summary>All series of one name.</summary>
public abstract class MetricFamily
{
    /// <summary>Names the family.</summary>
    /// <exception cref="ArgumentException">The name is not valid for its type.</exception>
    protected MetricFamily(string name, MetricType type, string help)
    {
        MetricNames.CheckMetric(name, type);
        Name = name;
        Type = type;
        Help = help;
    }

    /// <summary>The full name, with <c>_total</c> for counters.</summary>
    public string Name { get; }

    /// <summary>What the values mean.</summary>
    public MetricType Type { get; }

    /// <summary>One sentence for the reader of a scrape.</summary>
    public string Help { get; }

    /// <summary>
    /// The values now. Called on whatever thread serves the scrape, several at once; lazily enumerated, so that a long family is written
    /// out in pieces; each series comes once.
    /// </summary>
    public abstract IEnumerable<Sample> Collect();
}
