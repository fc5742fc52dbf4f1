using Mesh.Bench.Load;
using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Measuring;
using Xunit;

namespace Mesh.Bench.Tests.Load;

public sealed class GeneratorReportTests
{
    private const string Wrk = """
        Running 5s test @ http://10.1.1.2:8080/
          1 threads and 32 connections
          Thread Stats   Avg      Stdev     Max   +/- Stdev
            Latency   431.07us  302.11us  12.49ms   97.30%
            Req/Sec    71.54k     2.11k   75.17k    74.51%
          363045 requests in 5.10s, 75.48MB read
        Requests/sec:  71186.44
        Transfer/sec:     14.80MB
        """;

    [Fact]
    public void Wrk_s_report_is_read()
    {
        WorkDone done = WrkReport.Parse(Wrk);

        Assert.Equal(71186.44, done.Rate);
        Assert.Equal(363.045, done.Work);
    }

    [Theory]
    [InlineData("  Socket errors: connect 0, read 12, write 0, timeout 3")]
    [InlineData("  Non-2xx or 3xx responses: 17")]
    public void A_rate_with_failures_in_it_is_none(string line)
    {
        string report = Wrk.Replace("Requests/sec", line + "\nRequests/sec", StringComparison.Ordinal);

        BenchException exception = Assert.Throws<BenchException>(() => WrkReport.Parse(report));

        Assert.Equal($"wrk: {line.Trim()}", exception.Message);
    }

    [Fact]
    public void What_wrk_writes_instead_of_a_report_is_shown()
    {
        BenchException exception = Assert.Throws<BenchException>(() => WrkReport.Parse("unable to connect to 10.1.1.2:8080\n"));

        Assert.Equal("wrk wrote no report but: unable to connect to 10.1.1.2:8080", exception.Message);
    }

    [Fact]
    public void Iperf3_s_report_is_read_as_the_receiver_saw_it()
    {
        WorkDone done = Iperf3Report.Parse("""
            {"end": {"sum_sent": {"bytes": 9000000000, "bits_per_second": 99},
             "sum_received": {"bytes": 5000000000, "seconds": 2.0, "bits_per_second": 20000000000.0}}}
            """);

        Assert.Equal(20, done.Rate);
        Assert.Equal(5, done.Work);
    }

    [Theory]
    [InlineData("""{"start": {}, "error": "unable to connect to server: Connection refused"}""", "iperf3: unable to connect to server: Connection refused")]
    [InlineData("""{"end": {"sum_received": {"bytes": 0, "bits_per_second": 0}}}""", "iperf3: nothing arrived")]
    [InlineData("Segmentation fault\n", "iperf3 wrote no report but: Segmentation fault")]
    public void What_iperf3_could_not_do_is_said(string output, string message) =>
        Assert.Equal(message, Assert.Throws<BenchException>(() => Iperf3Report.Parse(output)).Message);
}
