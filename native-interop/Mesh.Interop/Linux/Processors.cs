using System.Numerics;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>How many processors this process may keep busy, from which the number of event loops follows.</summary>
public static unsafe class Processors
{
    // 8 192 processors; the kernel refuses a mask shorter than its own.
    private const int MaskBytes = 1_024;

    /// <summary>
    /// The processors of the calling thread's affinity mask (sched_getaffinity(2)), no more than the tightest CPU quota of its control
    /// group and that group's ancestors, a fraction rounded up; at least 1. Reads files: ask once, at start.
    /// </summary>
    /// <remarks>
    /// <see cref="Environment.ProcessorCount"/> looks at the quota of the innermost group only; a slice or a pod may be tighter.
    /// </remarks>
    public static int UsableCount
    {
        get
        {
            int allowed = AffinityCount();
            double? quota = CpuQuota.Read(ReadIfThere("/proc/self/cgroup"), ReadIfThere("/proc/self/mountinfo"), ReadIfThere);
            return Math.Max(1, quota is double limit ? (int)Math.Min(allowed, Math.Ceiling(limit)) : allowed);
        }
    }

    private static int AffinityCount()
    {
        ulong* mask = stackalloc ulong[MaskBytes / sizeof(ulong)];
        new Span<ulong>(mask, MaskBytes / sizeof(ulong)).Clear();
        SysResult.From(LibC.sched_getaffinity((pid_t)0, (size_t)MaskBytes, (cpu_set_t*)mask)).OrThrow("sched_getaffinity");
        int count = 0;
        for (int i = 0; i < MaskBytes / sizeof(ulong); i++)
        {
            count += BitOperations.PopCount(mask[i]);
        }

        return count;
    }

    /// <summary>Null where the file is not there or may not be read: then it limits nothing that we could know.</summary>
    private static string? ReadIfThere(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
