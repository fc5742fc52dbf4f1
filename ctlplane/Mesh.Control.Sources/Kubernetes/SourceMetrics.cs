using System.Diagnostics.Metrics;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>The source's own figures. Labels take their values from closed sets only.</summary>
public static class SourceMetrics
{
    private static readonly Meter s_meter = new("Mesh.Control");

    /// <summary>Objects held, by <c>resource</c>.</summary>
    public static readonly UpDownCounter<long> Objects = s_meter.CreateUpDownCounter<long>("mesh.control.kubernetes.objects");

    /// <summary>Events received, bookmarks aside, by <c>resource</c>.</summary>
    public static readonly Counter<long> Events = s_meter.CreateCounter<long>("mesh.control.kubernetes.events");

    /// <summary>Kinds listed as a whole, by <c>resource</c> and <c>reason</c>: <c>start</c>, <c>expired</c>, <c>resync</c>.</summary>
    public static readonly Counter<long> Lists = s_meter.CreateCounter<long>("mesh.control.kubernetes.lists");

    /// <summary>Lists and watches that failed, by <c>resource</c>.</summary>
    public static readonly Counter<long> Failures = s_meter.CreateCounter<long>("mesh.control.kubernetes.failures");

    internal static void CountObjects(WatchedKind kind, int difference) => Objects.Add(difference, Resource(kind));

    internal static void CountEvent(WatchedKind kind) => Events.Add(1, Resource(kind));

    internal static void CountList(WatchedKind kind, ListReason reason) => Lists.Add(
        1, Resource(kind), new KeyValuePair<string, object?>("reason", reason switch
        {
            ListReason.Start => "start",
            ListReason.Expired => "expired",
            _ => "resync",
        }));

    internal static void CountFailure(WatchedKind kind) => Failures.Add(1, Resource(kind));

    private static KeyValuePair<string, object?> Resource(WatchedKind kind) => new("resource", kind.Resource);
}

/// <summary>Why a kind is listed as a whole.</summary>
internal enum ListReason
{
    Start,

    /// <summary>The API server no longer has the history a watch would need.</summary>
    Expired,

    /// <summary>It is time to.</summary>
    Resync,
}
