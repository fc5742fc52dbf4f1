using System.Globalization;
using System.IO.Enumeration;

namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>What the process itself uses: processor, memory, descriptors, the managed heap.</summary>
internal static class ProcessMetrics
{
    private const int Generations = 3;

    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="version">The product's version.</param>
    /// <param name="startedAt">When the process started.</param>
    public static void AddTo(MetricRegistry registry, string version, DateTimeOffset startedAt)
    {
        registry.AddGauge("istio_build", "Which program this is.", LabelSet.Of(("component", "mesh-node"), ("tag", version)), () => 1);
        registry.AddCounter(
            "process_cpu_seconds_total", "Processor time used.", () => Environment.CpuUsage.TotalTime.TotalSeconds);
        registry.AddGauge("process_resident_memory_bytes", "Memory resident.", () => Environment.WorkingSet);
        registry.AddGauge("process_start_time_seconds", "Start, since 1970.", () => startedAt.ToUnixTimeMilliseconds() / 1_000.0);
        registry.AddGauge("process_open_fds", "Descriptors open.", () => CountEntries("/proc/self/fd"));
        double? descriptorsMax = null;
        registry.AddGauge("process_max_fds", "Descriptors that may be open.", () => descriptorsMax ??= ReadDescriptorsMax());
        registry.AddGauge("process_threads", "Threads.", () => CountEntries("/proc/self/task"));

        registry.AddCounter(
            "mesh_managed_allocated_bytes_total", "Managed bytes allocated since start.", () => GC.GetTotalAllocatedBytes());
        registry.AddGauge("mesh_managed_heap_bytes", "Managed bytes in use.", () => GC.GetTotalMemory(forceFullCollection: false));
        registry.AddGauge(
            "mesh_managed_committed_bytes", "Bytes the managed heap holds.", () => GC.GetGCMemoryInfo().TotalCommittedBytes);
        registry.AddCounter(
            "mesh_gc_pause_seconds_total", "Time in which collections held all threads.", () => GC.GetTotalPauseDuration().TotalSeconds);
        for (int generation = 0; generation < Generations; generation++)
        {
            int collected = generation;
            registry.AddCounter(
                "mesh_gc_collections_total",
                "Collections, by the oldest generation collected.",
                LabelSet.Of(("generation", generation.ToString(CultureInfo.InvariantCulture))),
                () => GC.CollectionCount(collected));
        }
    }

    /// <summary>Counts without making a string of every entry: there may be a hundred thousand.</summary>
    private static int CountEntries(string folder) =>
        new FileSystemEnumerable<bool>(folder, static (ref FileSystemEntry _) => true).Count();

    private static double ReadDescriptorsMax()
    {
        foreach (string line in File.ReadLines("/proc/self/limits"))
        {
            const string Title = "Max open files";
            if (line.StartsWith(Title, StringComparison.Ordinal))
            {
                string soft = line[Title.Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
                return double.TryParse(soft, CultureInfo.InvariantCulture, out double value) ? value : double.PositiveInfinity;
            }
        }

        return double.NaN;
    }
}
