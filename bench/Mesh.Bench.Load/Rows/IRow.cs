using Mesh.Bench.Load.Reporting;

namespace Mesh.Bench.Load.Rows;

/// <summary>One comparison that can be asked for by name.</summary>
internal interface IRow
{
    /// <summary>Short, in lower case with dashes: what <c>--only</c> takes and the JSON holds.</summary>
    string Name { get; }

    /// <summary>What is compared, in a line.</summary>
    string Title { get; }

    /// <exception cref="BenchException">A figure could not be taken.</exception>
    Task<IReadOnlyList<Comparison>> MeasureAsync(RowContext context);
}

/// <summary>What a row measures with.</summary>
/// <param name="Labs">Where it measures.</param>
/// <param name="Seconds">How long a single run lasts.</param>
/// <param name="Runs">How often each side runs.</param>
/// <param name="Output">Where packet paths and progress go.</param>
internal sealed record RowContext(LabSupply Labs, int Seconds, int Runs, TextWriter Output);
