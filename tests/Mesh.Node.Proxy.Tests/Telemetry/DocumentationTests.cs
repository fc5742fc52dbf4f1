using System.Text.RegularExpressions;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Proxy.Telemetry.Otlp;
using Mesh.Node.Transport.EventLoops;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry;

/// <summary>The pages an operator reads say what the code does.</summary>
public sealed partial class DocumentationTests
{
    [Fact]
    public void The_page_of_close_reasons_is_the_table()
    {
        List<string[]> rows = RowsOf("close-reasons.md");
        string[][] expected =
        [
            .. Enum.GetValues<CloseReason>().Where(reason => reason != CloseReason.None).Select(reason => new[]
            {
                CloseReasons.Name(reason),
                CloseReasons.Kind(reason).ToString().ToLowerInvariant(),
                CloseReasons.Text(CloseReasons.Flags(reason)),
            }),
        ];
        Assert.Equal(expected, rows.Select(row => row[..3]));
    }

    [Fact]
    public async Task The_page_of_metrics_names_every_metric_with_its_type_and_no_other()
    {
        TelemetryOptions options = new() { OtlpEndpoint = "http://127.0.0.1:1" };
        using EventLoopGroup loops = EventLoopGroup.Start(1, new EventLoopOptions());
        using NodeTelemetry node = new(options, new LogOptions(), loops: 1, Stream.Null, TimeProvider.System);
        node.AttachLoops(loops.Loops);
        NodeMetrics.Register(new AdminSources
        {
            Telemetry = node,
            Configuration = new ConfigurationStore(NullLogger<ConfigurationStore>.Instance),
            Readiness = [],
            Certificates = () => [],
            Tunnels = Nothing.Instance,
            Pods = Nothing.Instance,
            NodeConfigurationJson = "{}",
        });
        await using OtlpExport? export = OtlpExport.Start(options, node, "node-1", TimeProvider.System);

        Dictionary<string, string> documented = RowsOf("metrics.md").ToDictionary(row => row[0], row => row[1]);
        foreach (MetricFamily family in node.Metrics.Families)
        {
            Assert.True(documented.ContainsKey(family.Name), $"nodeproxy/docs/metrics.md lacks {family.Name}.");
            Assert.Equal(family.Type.ToString().ToLowerInvariant(), documented[family.Name]);
            documented.Remove(family.Name);
        }

        Assert.Empty(documented);
    }

    /// <summary>The rows of all tables of a page whose first cell is in backticks.</summary>
    private static List<string[]> RowsOf(string page)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
        {
            folder = folder.Parent;
        }

        Assert.NotNull(folder);
        return
        [
            .. File.ReadLines(Path.Combine(folder.FullName, "nodeproxy", "docs", page))
                .Where(line => FirstCell().IsMatch(line))
                .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim().Trim('`')).ToArray()),
        ];
    }

    private sealed class Nothing : ITunnelLister, IPodLister
    {
        public static Nothing Instance { get; } = new();

        IReadOnlyList<TunnelStatus> ITunnelLister.List() => [];

        IReadOnlyList<PodStatus> IPodLister.List() => [];
    }

    [GeneratedRegex(@"^\| `")]
    private static partial Regex FirstCell();
}
