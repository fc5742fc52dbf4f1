using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Proxy.Telemetry.Otlp;
using Mesh.Node.Proxy.Telemetry.Requests;
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
    public void The_page_of_response_flags_is_the_enum_and_its_texts()
    {
        List<string[]> rows = [.. DocumentedTables.RowsOf("response-flags.md").Where(row => char.IsAsciiLetterUpper(row[0][0]))];
        ResponseFlag[] flags = [.. Enum.GetValues<ResponseFlag>().Where(flag => flag != ResponseFlag.None)];
        Assert.Equal(
            flags.Select(flag => (flag.ToString(), ResponseFlagTexts.Of(flag))),
            rows.Select(row => (row[0], row[1])));
        Assert.All(rows, row =>
        {
            Assert.Equal(5, row.Length);
            Assert.All(row, cell => Assert.NotEmpty(cell));
        });
    }

    [Fact]
    public void The_page_of_response_flags_names_every_text_of_details_and_no_other()
    {
        IEnumerable<string> documented = DocumentedTables.RowsOf("response-flags.md").Select(row => row[0])
            .Where(cell => char.IsAsciiLetterLower(cell[0]));
        IEnumerable<string> declared = typeof(ResponseDetails).GetFields().Select(field => (string)field.GetRawConstantValue()!);
        Assert.Equal(declared.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
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
