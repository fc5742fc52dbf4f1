using Mesh.Bench.Load;
using Xunit;

namespace Mesh.Bench.Tests.Load;

public sealed class BenchOptionsTests
{
    private static readonly string[] s_rows = ["stream", "stream-mtls", "small"];

    [Fact]
    public void Without_arguments_every_row_runs_as_often_as_it_takes_to_quote_it()
    {
        BenchOptions options = BenchOptions.Read([], s_rows);

        Assert.Equal(s_rows, options.Rows);
        Assert.Equal(5, options.Runs);
        Assert.Equal(5, options.Seconds);
        Assert.Null(options.JsonFile);
        Assert.Null(options.Congestion);
    }

    [Fact]
    public void A_row_s_own_name_means_that_row_alone() =>
        Assert.Equal(["stream"], BenchOptions.Read(["--only", "stream"], s_rows).Rows);

    [Fact]
    public void A_part_of_names_means_every_row_that_has_it() =>
        Assert.Equal(["stream", "stream-mtls"], BenchOptions.Read(["--only", "str"], s_rows).Rows);

    [Fact]
    public void Rows_are_measured_in_their_own_order_and_once() =>
        Assert.Equal(["stream", "small"], BenchOptions.Read(["--only", "small", "--only", "stream", "--only", "small"], s_rows).Rows);

    [Fact]
    public void Values_are_taken()
    {
        string file = Path.Combine(Path.GetTempPath(), "figures.json");
        BenchOptions options = BenchOptions.Read(["--json", file, "--seconds", "3", "--runs", "7", "--congestion", "reno"], s_rows);

        Assert.Equal(file, options.JsonFile);
        Assert.Equal(3, options.Seconds);
        Assert.Equal(7, options.Runs);
        Assert.Equal("reno", options.Congestion);
    }

    [Theory]
    [InlineData("'--fast' is none of --json FILE, --only NAME, --seconds N, --runs N, --congestion NAME", "--fast")]
    [InlineData("--only needs a value", "--only")]
    [InlineData("--only needs a value", "--only", "--runs", "5")]
    [InlineData("--only tls13: no row is named like that; there are stream, stream-mtls, small", "--only", "tls13")]
    [InlineData("--seconds 0: a whole number from 1 to 600 is needed", "--seconds", "0")]
    [InlineData("--seconds 601: a whole number from 1 to 600 is needed", "--seconds", "601")]
    [InlineData("--runs five: a whole number from 1 to 99 is needed", "--runs", "five")]
    [InlineData("--runs 2.5: a whole number from 1 to 99 is needed", "--runs", "2.5")]
    [InlineData("--json /: that is a directory", "--json", "/")]
    [InlineData("--json /nowhere/at/all: there is no directory /nowhere/at", "--json", "/nowhere/at/all")]
    public void What_cannot_be_obeyed_is_named(string message, params string[] args)
    {
        BenchOptionException exception = Assert.Throws<BenchOptionException>(() => BenchOptions.Read(args, s_rows));

        Assert.Equal(message, exception.Message);
    }

    [Fact]
    public void The_rows_of_the_catalogue_have_names_of_their_own() =>
        Assert.Equal(RowCatalog.Names.Count, RowCatalog.Names.Distinct().Count());
}
