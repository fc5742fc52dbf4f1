using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Proxy.Telemetry.Otlp;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry;

/// <summary>The pages an operator reads say what the code does.</summary>
public sealed class DocumentationTests
{
    [Fact]
    public void The_page_of_close_reasons_is_the_table()
    {
        List<string[]> rows = DocumentedTables.RowsOf("close-reasons.md");
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
        using MeasuredNode measured = new(options, TimeProvider.System);
        NodeTelemetry node = measured.Telemetry;
        await using OtlpExport? export = OtlpExport.Start(options, node, "node-1", TimeProvider.System);

        Dictionary<string, string> documented = DocumentedTables.RowsOf("metrics.md").ToDictionary(row => row[0], row => row[1]);
        foreach (MetricFamily family in node.Metrics.Families)
        {
            Assert.True(documented.ContainsKey(family.Name), $"nodeproxy/docs/metrics.md lacks {family.Name}.");
            Assert.Equal(family.Type.ToString().ToLowerInvariant(), documented[family.Name]);
            documented.Remove(family.Name);
        }

        Assert.Empty(documented);
    }
}
