using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;

namespace Mesh.Bench.Micro;

/// <summary>The configuration of every benchmark class here: <c>[Config(typeof(StableAllocationConfig))]</c>.</summary>
/// <remarks>
/// Workstation, non-concurrent collector and no tiered PGO: the server collector over-counts allocated bytes, and instrumented code
/// allocates differently from the code that stays. Budgets are measured without it (<see cref="AllocationMeter"/>).
/// </remarks>
public sealed class StableAllocationConfig : ManualConfig
{
    public StableAllocationConfig()
    {
        AddDiagnoser(MemoryDiagnoser.Default);
        AddJob(Job.Default
            .WithGcServer(false)
            .WithGcConcurrent(false)
            .WithEnvironmentVariable("DOTNET_TieredPGO", "0")
            .WithId("Stable"));
    }
}
