using Mesh.Bench.Load.Measuring;

namespace Mesh.Bench.Load.Reporting;

/// <summary>One figure of ours beside the same of a peer, as it stands in the report: medians of the runs.</summary>
internal sealed record Comparison
{
    /// <summary>The row's name; further figures of a row add a slash and their own.</summary>
    public required string Name { get; init; }

    public required string Peer { get; init; }

    /// <summary>What <see cref="Ours"/> and <see cref="Theirs"/> are counted in.</summary>
    public required string Unit { get; init; }

    public required Median Ours { get; init; }

    public required Median Theirs { get; init; }

    /// <summary>Processor seconds of the proxies for each unit of work; null where none is done.</summary>
    public Median? CpuOurs { get; init; }

    public Median? CpuTheirs { get; init; }

    /// <summary>The unit of work <see cref="CpuOurs"/> is divided by.</summary>
    public string? WorkUnit { get; init; }

    public required int Runs { get; init; }

    /// <summary>What was promised of <see cref="Ratio"/>; null where nothing was.</summary>
    public Limit? RatioLimit { get; init; }

    public Limit? CpuLimit { get; init; }

    public double Ratio => Ours.Middle / Theirs.Middle;

    public double? CpuRatio => CpuOurs?.Middle / CpuTheirs?.Middle;
}

/// <summary>A bound of a ratio.</summary>
internal sealed record Limit(double Bound, bool IsMinimum)
{
    public static Limit AtLeast(double bound) => new(bound, IsMinimum: true);

    public static Limit AtMost(double bound) => new(bound, IsMinimum: false);

    public bool IsMetBy(double ratio) => IsMinimum ? ratio >= Bound : ratio <= Bound;
}
