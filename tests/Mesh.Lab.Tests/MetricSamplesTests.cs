using Xunit;

namespace Mesh.Lab.Tests;

public sealed class MetricSamplesTests
{
    [Fact]
    public void Series_are_summed_over_the_labels_that_were_asked_for()
    {
        MetricSamples samples = MetricSamples.Parse(
            """
            # HELP opened Connections.
            # TYPE opened counter
            opened_total{reporter="source",to="a",odd="q\"\\\n,}"} 2
            opened_total{reporter="source",to="b"} 3 1700000000
            opened_total{reporter="destination",to="b"} 5 # {trace="x"} 1
            plain 1.5e3
            infinite +Inf
            # EOF
            """);

        Assert.Equal(5, samples.Sum("opened_total", ("reporter", "source")));
        Assert.Equal(8, samples.Sum("opened_total", ("to", "b")));
        Assert.Equal(10, samples.Sum("opened_total"));
        Assert.Equal(0, samples.Sum("opened_total", ("to", "c")));
        Assert.Equal(1500, samples.Sum("plain"));
        Assert.Equal(double.PositiveInfinity, samples.Sum("infinite"));
        Assert.Equal("q\"\\\n,}", samples.All[0].Labels["odd"]);
    }

    [Fact]
    public void A_line_that_is_no_series_is_an_error()
    {
        Assert.Throws<FormatException>(() => MetricSamples.Parse("nonsense"));
    }
}
