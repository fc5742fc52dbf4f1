using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;

namespace Mesh.Bench.Load.Rows;

/// <summary>Figures that no peer runs beside. One that is held to a bound has the bound where a peer's figure would stand.</summary>
internal static class SingleFigure
{
    public const string Peer = "promised";

    public static Comparison Promised(string name, string unit, double ours, double bound) =>
        Promised(name, unit, Median.Of([ours]), bound, runs: 1);

    public static Comparison Promised(string name, string unit, Median ours, double bound, int runs) => new()
    {
        Name = name,
        Peer = Peer,
        Unit = unit,
        Ours = ours,
        Theirs = Median.Of([bound]),
        Runs = runs,
        RatioLimit = Limit.AtMost(1),
    };

    public static Comparison Beside(string name, string peer, string unit, double ours, double theirs) => new()
    {
        Name = name,
        Peer = peer,
        Unit = unit,
        Ours = Median.Of([ours]),
        Theirs = Median.Of([theirs]),
        Runs = 1,
    };
}
