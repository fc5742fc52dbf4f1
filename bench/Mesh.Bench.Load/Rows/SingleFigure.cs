using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Reporting;

namespace Mesh.Bench.Load.Rows;

/// <summary>Figures of one reading. One that is held to a bound has the bound where a peer's figure would stand.</summary>
internal static class SingleFigure
{
    public const string Peer = "promised";

    public static Comparison Promised(string name, string unit, double ours, double bound) => new()
    {
        Name = name,
        Peer = Peer,
        Unit = unit,
        Ours = Median.Of([ours]),
        Theirs = Median.Of([bound]),
        Runs = 1,
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
