namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>What was asked of DNS through the proxy, and what came of it. Each loop adds to its own shard.</summary>
internal sealed class DnsMetrics(MetricRegistry registry)
{
    /// <summary>Everything that was asked, over UDP and TCP.</summary>
    public ShardedCounter Requests { get; } = registry.AddShardedCounter(
        "istio_dns_requests_total", "DNS requests of pods, over UDP, and over TCP while they are about names of the mesh.");

    /// <summary>Answered from what the mesh knows.</summary>
    public ShardedCounter Answered { get; } = registry.AddShardedCounter(
        "mesh_dns_answers_total", "DNS requests about names of the mesh, answered by the proxy.");

    /// <summary>Sent on to the server that was asked.</summary>
    public ShardedCounter Forwarded { get; } = registry.AddShardedCounter(
        "istio_dns_upstream_requests_total", "DNS requests over UDP sent on to the server that the pod asked.");

    /// <summary>The server did not answer in time.</summary>
    public ShardedCounter TimedOut { get; } = Failure(registry, "timeout");

    /// <summary>The server cannot be reached, or there is no socket to reach it by.</summary>
    public ShardedCounter Unreachable { get; } = Failure(registry, "unreachable");

    /// <summary>More was under way for the pod than may be.</summary>
    public ShardedCounter OverLimit { get; } = Failure(registry, "limit");

    /// <summary>There is an answer, and it could not be sent in the name of the server that was asked.</summary>
    public ShardedCounter Unanswerable { get; } = Failure(registry, "unanswerable");

    /// <summary>What came cannot be read as a request.</summary>
    public ShardedCounter Malformed { get; } = Refusal(registry, "malformed");

    /// <summary>It was not captured, but sent to the proxy's own port.</summary>
    public ShardedCounter NotCaptured { get; } = Refusal(registry, "not_captured");

    /// <summary>What came from a server and answers nothing that was asked.</summary>
    public ShardedCounter StrayAnswers { get; } = registry.AddShardedCounter(
        "mesh_dns_stray_answers_total", "Datagrams from DNS servers that answer nothing that is under way there.");

    private static ShardedCounter Failure(MetricRegistry registry, string reason) => registry.AddShardedCounter(
        "istio_dns_upstream_failures_total", "DNS requests over UDP that had no answer, by reason.", LabelSet.Of(("reason", reason)));

    private static ShardedCounter Refusal(MetricRegistry registry, string reason) => registry.AddShardedCounter(
        "mesh_dns_refused_total", "Datagrams to the proxy's DNS port that were not served, by reason.", LabelSet.Of(("reason", reason)));
}
