using BenchmarkDotNet.Attributes;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Bench.Micro.Model;

/// <summary>
/// Finding the route of a request among many: most ask for a path, some for a header beside it, the last for everything. Three requests
/// an operation: one of an exact path, one of a prefix, one of neither. Budget: 0 B.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class RouteFindBench
{
    private static readonly byte[][] s_paths = ["/team-7/item-777"u8.ToArray(), "/team-5/list-555/more/of/it"u8.ToArray(), "/unknown"u8.ToArray()];

    private RouteTable _table = RouteTable.Empty;

    /// <summary>How many routes there are.</summary>
    [Params(10, 1_000)]
    public int Routes { get; set; }

    [GlobalSetup]
    public void Setup() => _table = RouteTable.Compile(
    [
        .. Enumerable.Range(0, Routes).Select(index => new Route($"{index}", [MatchOf(index)], new DirectResponseAction(200, []))),
        new Route("rest", [], new DirectResponseAction(404, [])),
    ]);

    [Benchmark(OperationsPerInvoke = 3)]
    public int Find()
    {
        int found = 0;
        foreach (byte[] path in s_paths)
        {
            var request = new Request(path);
            found += _table.TryFind(in request, out _, out _) ? 1 : 0;
        }

        return found;
    }

    private static RouteMatch MatchOf(int index) => (index % 3) switch
    {
        0 => new RouteMatch { Path = PathMatch.Exact($"/team-{index % 10}/item-{index}") },
        1 => new RouteMatch { Path = PathMatch.Segments($"/team-{index % 10}/list-{index}"), Method = ValueMatch.Exact("GET") },
        _ => new RouteMatch
        {
            Path = PathMatch.Prefix($"/team-{index % 10}/item"),
            Headers = [new HeaderMatch("x-version", ValueMatch.Exact($"{index}"))],
        },
    };

    private readonly ref struct Request(ReadOnlySpan<byte> path) : IRequestFacts
    {
        public ReadOnlySpan<byte> Method => "GET"u8;

        public ReadOnlySpan<byte> Scheme => "http"u8;

        public ReadOnlySpan<byte> Authority => "shop"u8;

        public ReadOnlySpan<byte> Path { get; } = path;

        public ReadOnlySpan<byte> Query => [];

        public Workload? Source => null;

        public bool TryGetHeader(ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
        {
            value = "1"u8;
            return true;
        }
    }
}
