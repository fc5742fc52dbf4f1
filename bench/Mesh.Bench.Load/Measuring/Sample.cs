namespace Mesh.Bench.Load.Measuring;

/// <summary>One run of one side.</summary>
/// <param name="Rate">Work per second, in the row's rate unit.</param>
/// <param name="Work">Work done, in the row's unit of work.</param>
/// <param name="ProxyCpuSeconds">Processor time of all proxy processes on the path.</param>
/// <param name="MachineCpuSeconds">Busy time of the whole machine meanwhile: generator, origin, kernel threads and all.</param>
internal sealed record Sample(double Rate, double Work, double ProxyCpuSeconds, double MachineCpuSeconds)
{
    public double ProxyCpuPerUnit => ProxyCpuSeconds / Work;

    public double MachineCpuPerUnit => MachineCpuSeconds / Work;
}

/// <summary>What a generator says it did.</summary>
/// <inheritdoc cref="Sample" path="/param"/>
internal readonly record struct WorkDone(double Rate, double Work);
