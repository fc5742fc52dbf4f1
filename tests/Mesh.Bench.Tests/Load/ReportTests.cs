using System.Text.Json;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Xunit;

namespace Mesh.Bench.Tests.Load;

public sealed class ReportTests
{
    private static readonly string[] s_members =
        ["name", "peer", "unit", "ours", "theirs", "ratio", "cpuOurs", "cpuTheirs", "cpuRatio", "runs"];

    private static readonly Comparison s_comparison = new()
    {
        Name = "stream",
        Peer = "haproxy",
        Unit = "Gbit/s",
        Ours = Median.Of([11, 12, 10]),
        Theirs = Median.Of([10, 10, 10]),
        CpuOurs = Median.Of([0.3]),
        CpuTheirs = Median.Of([0.4]),
        WorkUnit = "GB",
        Runs = 3,
        RatioLimit = Limit.AtLeast(1.2),
        CpuLimit = Limit.AtMost(0.8),
    };

    [Theory]
    [InlineData(3, 3, 3, 3.0)]
    [InlineData(2, 1, 3, 3.0, 1.0, 2.0)]
    [InlineData(2.5, 1, 100, 100.0, 1.0, 2.0, 3.0)]
    public void The_median_is_the_middle_or_between_the_middle_two(double middle, double min, double max, params double[] values) =>
        Assert.Equal(new Median(middle, min, max), Median.Of(values));

    [Fact]
    public void Nothing_has_no_median() => Assert.Throws<ArgumentException>(() => Median.Of([]));

    [Fact]
    public void Ratios_are_ours_over_theirs()
    {
        Assert.Equal(1.1, s_comparison.Ratio, precision: 9);
        Assert.Equal(0.75, s_comparison.CpuRatio!.Value, precision: 9);
    }

    [Fact]
    public void Json_is_a_list_of_objects_with_these_members_in_this_order()
    {
        using JsonDocument document = JsonDocument.Parse(JsonReport.Render([s_comparison]));

        JsonElement entry = Assert.Single(document.RootElement.EnumerateArray());
        Assert.Equal(s_members, entry.EnumerateObject().Select(member => member.Name));
        Assert.Equal("stream", entry.GetProperty("name").GetString());
        Assert.Equal("haproxy", entry.GetProperty("peer").GetString());
        Assert.Equal("Gbit/s", entry.GetProperty("unit").GetString());
        Assert.Equal(11, entry.GetProperty("ours").GetDouble());
        Assert.Equal(10, entry.GetProperty("theirs").GetDouble());
        Assert.Equal(1.1, entry.GetProperty("ratio").GetDouble(), precision: 9);
        Assert.Equal(0.3, entry.GetProperty("cpuOurs").GetDouble());
        Assert.Equal(0.4, entry.GetProperty("cpuTheirs").GetDouble());
        Assert.Equal(0.75, entry.GetProperty("cpuRatio").GetDouble(), precision: 9);
        Assert.Equal(3, entry.GetProperty("runs").GetInt32());
    }

    [Fact]
    public void What_was_not_measured_or_has_no_ratio_is_null()
    {
        Comparison idle = s_comparison with { Theirs = Median.Of([0]), CpuOurs = null, CpuTheirs = null };

        using JsonDocument document = JsonDocument.Parse(JsonReport.Render([idle]));

        JsonElement entry = document.RootElement[0];
        foreach (string member in (string[])["ratio", "cpuOurs", "cpuTheirs", "cpuRatio"])
        {
            Assert.Equal(JsonValueKind.Null, entry.GetProperty(member).ValueKind);
        }
    }

    [Fact]
    public void Text_says_what_was_promised_and_whether_it_was_kept()
    {
        string[] lines = TextReport.Render([s_comparison]).Split('\n');

        Assert.StartsWith("  over haproxy", lines[0], StringComparison.Ordinal);
        Assert.Contains("stream, Gbit/s", lines[1], StringComparison.Ordinal);
        Assert.Contains("1.10", lines[1], StringComparison.Ordinal);
        Assert.Contains("10.0-12.0 | 10.0-10.0", lines[1], StringComparison.Ordinal);
        Assert.EndsWith("promised ≥ 1.20: MISSED", lines[1], StringComparison.Ordinal);
        Assert.Contains("proxy CPU s per GB", lines[2], StringComparison.Ordinal);
        Assert.EndsWith("promised ≤ 0.800: kept", lines[2], StringComparison.Ordinal);
    }
}
