using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Generators.FixedRate;
using Mesh.Bench.Load.Rows;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load;

/// <summary>Every row there is, in the order they are measured in.</summary>
internal static class RowCatalog
{
    public static IReadOnlyList<IRow> All { get; } =
    [
        new TrafficRow(
            "plaintext-stream",
            "one plaintext stream, one proxy, the same veths for all",
            new BulkStream(),
            latencies: null,
            PlaintextContests.SameVethsStreamAsync,
            AgainstHaproxy(rateRatioMin: 1.0, cpuRatioMax: 1.05)),
        new TrafficRow(
            "same-node-stream",
            "one plaintext stream between captured pods of one node, as a user meets each",
            new BulkStream(),
            latencies: null,
            PlaintextContests.SameNodeStreamAsync,
            AgainstHaproxy(rateRatioMin: 1.3, cpuRatioMax: 0.8)),
        new TrafficRow(
            "mtls-stream",
            "one stream over mutual TLS through two proxies",
            new BulkStream(),
            latencies: null,
            MutualTlsContests.StreamAsync,
            AgainstHaproxy(rateRatioMin: 1.15, cpuRatioMax: 0.9)),
        new TrafficRow(
            "small-plaintext",
            "small messages on 32 keep-alive connections, plaintext, one proxy, the same veths for all",
            new Requests(closesConnections: false),
            new FixedRateRequests(),
            PlaintextContests.SameVethsSmallAsync,
            AgainstHaproxy(rateRatioMin: 1.1, cpuRatioMax: 1.0)),
        new TrafficRow(
            "small-mtls",
            "small messages on 32 keep-alive connections, mutual TLS through two proxies",
            new Requests(closesConnections: false),
            new FixedRateRequests(),
            MutualTlsContests.SmallAsync,
            AgainstHaproxy(rateRatioMin: 1.1, cpuRatioMax: 1.0)),
        new TrafficRow(
            "new-connection-tcp",
            "a new connection for each request, mutual TLS through two proxies; the peers in TCP mode",
            new Requests(closesConnections: true),
            latencies: null,
            MutualTlsContests.NewConnectionsAsync,
            AgainstHaproxy(rateRatioMin: 5, cpuRatioMax: 0.3)),
        new TrafficRow(
            "new-connection-http",
            "a new connection for each request, read by both of two proxies, mutual TLS; HAProxy in HTTP mode with http-reuse always",
            new Requests(closesConnections: true),
            latencies: null,
            MutualTlsContests.HttpAsync,
            AgainstHaproxy(rateRatioMin: 1.0, cpuRatioMax: 1.0)),
        new TrafficRow(
            "http-plaintext",
            "small HTTP/1.1 requests on 32 keep-alive connections, read by one proxy, plaintext, the same veths for all",
            new Requests(closesConnections: false),
            new FixedRateRequests(),
            PlaintextContests.SameVethsHttpAsync,
            new Dictionary<string, Target>(StringComparer.Ordinal)
            {
                ["haproxy"] = new Target(1.0, 1.0),
                ["nginx"] = new Target(1.0, 0.9),
                ["yarp"] = new Target(1.8, 0.5),
            }),
        new TrafficRow(
            "http-mtls",
            "small HTTP/1.1 requests on 32 keep-alive connections, read by both of two proxies, mutual TLS",
            new Requests(closesConnections: false),
            new FixedRateRequests(),
            MutualTlsContests.HttpAsync,
            AgainstHaproxy(rateRatioMin: 1.1, cpuRatioMax: 0.95)),
        new IsolationRow(),
        new TrafficRow(
            "http2",
            "small HTTP/2 requests, 32 at once on each of 8 connections, read by one proxy, plaintext, the same veths for all",
            new Http2Requests(),
            new Http2Requests(),
            PlaintextContests.SameVethsHttp2Async,
            new Dictionary<string, Target>(StringComparer.Ordinal)
            {
                ["haproxy"] = new Target(1.0, 1.0),
                ["nghttpx"] = new Target(1.0, 1.0),
            }),
        new GrpcRow(),
        new AllocationRow(),
        new IdleMemoryRow(),
        new ConnectionMemoryRow(
            "connections-plaintext",
            "memory of idle captured connections, plaintext, between pods of one node",
            IdleContests.PlaintextAsync,
            isFar: false,
            bytesMax: 8 * 1024),
        new ConnectionMemoryRow(
            "connections-mtls",
            "memory of idle captured connections over mutual TLS, in both proxies together",
            IdleContests.MutualTlsAsync,
            isFar: true,
            bytesMax: null),
        new ControlPlaneRow(),
        new ControlPlaneResourcesRow(),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(row => row.Name)];

    private static Dictionary<string, Target> AgainstHaproxy(double rateRatioMin, double cpuRatioMax) =>
        new(StringComparer.Ordinal) { ["haproxy"] = new Target(rateRatioMin, cpuRatioMax) };
}
