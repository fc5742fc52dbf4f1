namespace Mesh.Bench.Load.Measuring;

/// <summary>Puts what a piece of work cost beside what it did.</summary>
internal static class Meter
{
    public static async Task<Sample> MeasureAsync(IReadOnlyList<ProxyProcess> proxies, Func<Task<WorkDone>> work)
    {
        double proxyBefore = proxies.Sum(proxy => proxy.CpuSeconds());
        double machineBefore = MachineCpuSeconds();
        WorkDone done = await work();
        double machine = MachineCpuSeconds() - machineBefore;
        double proxy = proxies.Sum(proxy => proxy.CpuSeconds()) - proxyBefore;
        return new Sample(done.Rate, done.Work, proxy, machine);
    }

    private static double MachineCpuSeconds() => ProcFiles.ParseMachineCpuSeconds(File.ReadAllText("/proc/stat"));
}
