using Mesh.Bench.Load;
using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Rows;
using Xunit;

namespace Mesh.Bench.Tests.Load;

public sealed class H2LoadReportTests
{
    private const string Report = """
        starting benchmark...
        Application protocol: h2c

        finished in 3.01s, 28065.33 req/s, 2.92MB/s
        requests: 84196 total, 84452 started, 84196 done, 84196 succeeded, 0 failed, 0 errored, 0 timeout
        status codes: 84197 2xx, 0 3xx, 0 4xx, 0 5xx
        traffic: 8.75MB (9178018) total, 1.29MB (1347138) headers (space savings 90.00%), 5.30MB (5557002) data
                             min         max         mean         sd        +/- sd
        time for request:      301us     41.22ms      8.91ms      3.45ms    74.18%
        """;

    [Fact]
    public void A_report_is_read()
    {
        H2LoadReport report = H2LoadReport.Parse(Report);

        Assert.Equal(new WorkDone(28065.33, 84.196), report.Done);
        Assert.Equal(5_557_002, report.ContentBytes);
    }

    [Theory]
    [InlineData("0 failed, 0 errored", "1 failed, 1 errored")]
    [InlineData("0 timeout", "2 timeout")]
    [InlineData("84197 2xx, 0 3xx, 0 4xx, 0 5xx", "84190 2xx, 0 3xx, 0 4xx, 7 5xx")]
    [InlineData("84196 succeeded", "0 succeeded")]
    public void A_rate_with_failures_in_it_is_none(string good, string bad)
    {
        string report = Report.Replace(good, bad, StringComparison.Ordinal);

        BenchException exception = Assert.Throws<BenchException>(() => H2LoadReport.Parse(report));

        Assert.StartsWith("h2load: requests: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_h2load_writes_instead_of_a_report_is_shown() => Assert.Equal(
        "h2load wrote no report but: could not connect",
        Assert.Throws<BenchException>(() => H2LoadReport.Parse("could not connect\n")).Message);

    [Fact]
    public void Its_log_tells_how_long_each_answer_took()
    {
        LatencyHistogram latencies = H2LoadReport.ParseLog(["1700000000000000\t200\t400", "1700000000000100\t200\t1200"]);

        Assert.Equal(2, latencies.Count);
        Assert.Equal(0.4, latencies.PercentileMs(0.5));
        Assert.Equal(1.2, latencies.PercentileMs(0.99));
    }

    [Theory]
    [InlineData("1700000000000000\t503\t400")]
    [InlineData("1700000000000000\t-1\t400")]
    [InlineData("1700000000000000\t200")]
    public void A_stream_that_failed_is_an_error(string line) => Assert.Equal(
        $"h2load has logged: {line}", Assert.Throws<BenchException>(() => H2LoadReport.ParseLog([line])).Message);

    [Fact]
    public void A_call_through_two_proxies_may_take_half_again_and_100_microseconds()
    {
        IReadOnlyList<Comparison> figures = GrpcRow.Compare(Median.Of([0.31]), Median.Of([0.14]), runs: 5);

        Comparison promised = figures.Single(figure => figure.Peer == SingleFigure.Peer);
        Assert.Equal(0.31, promised.Theirs.Middle, precision: 9);
        Assert.True(promised.RatioLimit!.IsMetBy(promised.Ratio - 1e-9));
        Assert.False(promised.RatioLimit.IsMetBy(promised.Ratio + 0.01));
        Assert.Equal(0.14, figures.Single(figure => figure.Peer == "direct").Theirs.Middle);
    }
}
