namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>An istio series that expires with the workloads and services it names.</summary>
internal interface ISeries<TKey>
    where TKey : struct, ISeriesKey
{
    /// <summary>What tells it from the others; not looked at for the overflow series.</summary>
    TKey Key { get; }

    /// <summary>When a workload or service of it was first seen to be gone; null while all are there. Janitor only.</summary>
    DateTimeOffset? GoneSince { get; set; }

    /// <summary>Whether something still counts in it that has not ended.</summary>
    bool IsInUse { get; }
}
