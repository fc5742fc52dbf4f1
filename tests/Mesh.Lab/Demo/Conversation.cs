namespace Mesh.Lab.Demo;

/// <summary>How a conversation was carried, as the proxies counted it.</summary>
internal enum Protection
{
    MutualTls,

    /// <summary>One hop inside the node's proxy: both ends are known by the namespaces they live in, and nothing is on a wire.</summary>
    SameNode,
    Plaintext,
}

/// <summary>
/// Which workload talked to which, as the proxy of the destination counted it: requests where it reads them, else connections.
/// </summary>
internal sealed record Conversation(string Source, string Destination, Protection Protection, long Requests, long Connections, long Bytes)
{
    private const string Requested = "istio_requests_total";
    private const string Opened = "istio_tcp_connections_opened_total";

    private static readonly string[] s_bytes =
        ["istio_tcp_sent_bytes_total", "istio_tcp_received_bytes_total", "istio_request_bytes_sum", "istio_response_bytes_sum"];

    /// <summary>
    /// Reads them from what proxies publish. What no workload began is left out: that is the nodes asking whether pods are ready. A
    /// workload that spoke in the clear would be there, since it is known by its address.
    /// </summary>
    public static IReadOnlyList<Conversation> Read(IEnumerable<MetricSamples> scrapes)
    {
        return
        [
            .. scrapes
                .SelectMany(scrape => scrape.All)
                .Where(sample => sample.Labels.GetValueOrDefault("reporter") == "destination")
                .Where(sample => sample.Name is Requested or Opened || s_bytes.Contains(sample.Name))
                .Where(sample => sample.Labels["source_workload"] != "unknown")
                .GroupBy(sample => (
                    Source: sample.Labels["source_canonical_service"],
                    Destination: sample.Labels["destination_canonical_service"],
                    Protection: ProtectionOf(sample.Labels)))
                .Select(group => new Conversation(
                    group.Key.Source,
                    group.Key.Destination,
                    group.Key.Protection,
                    (long)group.Where(sample => sample.Name == Requested).Sum(sample => sample.Value),
                    (long)group.Where(sample => sample.Name == Opened).Sum(sample => sample.Value),
                    (long)group.Where(sample => s_bytes.Contains(sample.Name)).Sum(sample => sample.Value)))
                .Where(conversation => conversation.Requests + conversation.Connections > 0)
                .OrderBy(conversation => conversation.Source, StringComparer.Ordinal)
                .ThenBy(conversation => conversation.Destination, StringComparer.Ordinal),
        ];
    }

    private static Protection ProtectionOf(IReadOnlyDictionary<string, string> labels)
    {
        return (labels["connection_security_policy"], labels["source_principal"]) switch
        {
            ("mutual_tls", _) => Protection.MutualTls,
            (_, not "unknown") => Protection.SameNode,
            _ => Protection.Plaintext,
        };
    }
}
