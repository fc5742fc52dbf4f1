namespace Mesh.Bench.Load.Measuring;

/// <summary>One run of one side at a fixed rate.</summary>
/// <param name="Cost">What it cost at that rate.</param>
/// <param name="P50Ms">Half of the answers came within it, in milliseconds.</param>
/// <param name="P99Ms">All but a hundredth.</param>
internal sealed record LatencySample(Sample Cost, double P50Ms, double P99Ms);
