using Mesh.Bench.Control;
using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;
using Mesh.Bench.Load.Rows;
using Xunit;

namespace Mesh.Bench.Tests.Load;

public sealed class ControlPlaneRowTests
{
    [Fact]
    public void Loading_and_changes_stand_beside_their_bounds()
    {
        IReadOnlyList<Comparison> figures = ControlPlaneRow.Compare([Run(4, 0.2, 0.4), Run(6, 0.3, 2), Run(5, 0.3, 0.3)]);

        Assert.Equal(["control-plane", "control-plane/change"], figures.Select(figure => figure.Name));
        Assert.All(figures, figure => Assert.Equal(("promised", "s", 3), (figure.Peer, figure.Unit, figure.Runs)));
        Assert.Equal(new Median(5, 4, 6), figures[0].Ours);
        Assert.Equal(10, figures[0].Theirs.Middle);
        Assert.Equal(0.3, figures[1].Ours.Middle, precision: 9);
        Assert.Equal(2, figures[1].Ours.Max);
        Assert.Equal(1, figures[1].Theirs.Middle);
    }

    [Theory]
    [InlineData(9.9, true)]
    [InlineData(10.1, false)]
    public void A_bound_that_is_passed_is_missed(double seconds, bool isKept)
    {
        Comparison load = ControlPlaneRow.Compare([Run(seconds, 0.1)])[0];

        Assert.Equal(isKept, load.RatioLimit!.IsMetBy(load.Ratio));
    }

    [Fact]
    public void Figures_of_resources_are_those_that_are_promised()
    {
        ScaleFigures run = Run(9, [.. Enumerable.Range(1, 200).Select(milliseconds => milliseconds / 1_000.0)]) with
        {
            Build = TimeSpan.FromSeconds(2),
            PeakBytes = 3 * 1_048_576,
            ProxyBytes = 4 * 1_048_576,
        };

        IReadOnlyList<Comparison> figures = ControlPlaneResourcesRow.Compare([run]);

        Assert.Equal(
            [
                ("control-plane-resources", "s", 2.0, 5.0),
                ("control-plane-resources/change-p99", "ms", 198, 200),
                ("control-plane-resources/memory", "MiB", 3, 1_536),
                ("control-plane-resources/proxy-memory", "MiB", 4, 250),
            ],
            figures.Select(figure => (figure.Name, figure.Unit, figure.Ours.Middle, figure.Theirs.Middle)));
    }

    private static ScaleFigures Run(double load, params double[] changes) => new(
        TimeSpan.FromSeconds(load), TimeSpan.FromSeconds(1), [.. changes.Select(TimeSpan.FromSeconds)], TimeSpan.FromSeconds(1), 1, 1)
    {
        Build = TimeSpan.FromSeconds(1),
    };
}
