using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;

namespace Mesh.Bench.Micro;

/// <summary>The configuration of every benchmark class here: <c>[Config(typeof(StableAllocationConfig))]</c>.</summary>
/// <remarks>
/// Workstation, non-concurrent collector and no tiered PGO: the server collector over-counts allocated bytes, and instrumented code
/// allocates differently from the code that stays. A budget check runs short and in this process, because allocated bytes need neither
/// many iterations nor isolation; timings need both and run in a process of their own.
/// </remarks>
public sealed class StableAllocationConfig : ManualConfig
{
    /// <summary>Milliseconds of one iteration in a budget check: enough invocations to make one-time allocations vanish.</summary>
    private const int BudgetIterationMs = 50;

    public StableAllocationConfig()
    {
        AddDiagnoser(MemoryDiagnoser.Default);
        AddJob(IsBudgetCheck ? BudgetJob() : TimingJob());
    }

    /// <summary>Set once by <see cref="Program"/>, before any benchmark is discovered.</summary>
    public static bool IsBudgetCheck { get; set; }

    private static Job BudgetJob() => Job.Default
        .WithToolchain(InProcessEmitToolchain.Instance)
        .WithWarmupCount(3)
        .WithIterationCount(3)
        .WithIterationTime(TimeInterval.FromMilliseconds(BudgetIterationMs))
        .WithId("Budget");

    private static Job TimingJob() => Job.Default
        .WithGcServer(false)
        .WithGcConcurrent(false)
        .WithEnvironmentVariable("DOTNET_TieredPGO", "0")
        .WithId("Stable");
}
