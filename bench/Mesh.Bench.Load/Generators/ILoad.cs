using Mesh.Bench.Load.Measuring;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Generators;

/// <summary>Traffic of one kind, as much of it as goes through.</summary>
internal interface ILoad
{
    /// <summary>What <see cref="WorkDone.Rate"/> counts.</summary>
    string RateUnit { get; }

    /// <summary>What <see cref="WorkDone.Work"/> counts, and processor time is divided by.</summary>
    string WorkUnit { get; }

    /// <exception cref="BenchException">Something failed on the way; then there is no figure.</exception>
    Task<WorkDone> RunAsync(BenchLab bench, Contender side, int seconds);
}
