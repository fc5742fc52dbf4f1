using Mesh.Bench.Load.Generators;
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
            hasLatencies: false,
            PlaintextContests.SameVethsStreamAsync,
            Against("haproxy", new Target(RateRatioMin: 1.0, CpuRatioMax: 1.05))),
        new TrafficRow(
            "small-plaintext",
            "small messages on 32 keep-alive connections, plaintext, one proxy, the same veths for all",
            new Requests(closesConnections: false),
            hasLatencies: true,
            PlaintextContests.SameVethsSmallAsync,
            Against("haproxy", new Target(RateRatioMin: 1.1, CpuRatioMax: 1.0))),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(row => row.Name)];

    private static Dictionary<string, Target> Against(string peer, Target target) => new(StringComparer.Ordinal) { [peer] = target };
}
