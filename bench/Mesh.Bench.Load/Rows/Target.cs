namespace Mesh.Bench.Load.Rows;

/// <summary>What the product promises against a peer.</summary>
/// <param name="RateRatioMin">Ours over theirs.</param>
/// <param name="CpuRatioMax">Ours over theirs, for each unit of work.</param>
internal sealed record Target(double RateRatioMin, double CpuRatioMax);
