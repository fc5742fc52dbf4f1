namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>What Prometheus and OpenMetrics accept as names. A wrong one is our mistake and found at start.</summary>
internal static class MetricNames
{
    /// <summary>What the name of every counter ends in.</summary>
    public const string CounterSuffix = "_total";

    /// <summary>What the name of a histogram gains for one bucket.</summary>
    public const string BucketSuffix = "_bucket";

    /// <summary>What it gains for the sum of all values.</summary>
    public const string SumSuffix = "_sum";

    /// <summary>What it gains for their number.</summary>
    public const string CountSuffix = "_count";

    public static void CheckMetric(string name, MetricType type)
    {
        if (!IsName(name, allowColon: true))
        {
            throw new ArgumentException($"'{name}' is no metric name.", nameof(name));
        }

        if ((type == MetricType.Counter) != name.EndsWith(CounterSuffix, StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{name}': a counter's name ends in {CounterSuffix}, and no other's does.", nameof(name));
        }
    }

    public static void CheckLabel(string name)
    {
        if (!IsName(name, allowColon: false) || name.StartsWith("__", StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{name}' is no label name.", nameof(name));
        }
    }

    private static bool IsName(string name, bool allowColon)
    {
        foreach (char character in name)
        {
            if (!char.IsAsciiLetterOrDigit(character) && character != '_' && !(allowColon && character == ':'))
            {
                return false;
            }
        }

        return name.Length > 0 && !char.IsAsciiDigit(name[0]);
    }
}
