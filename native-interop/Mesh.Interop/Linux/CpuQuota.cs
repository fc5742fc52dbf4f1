using System.Globalization;

namespace Mesh.Interop.Linux;

/// <summary>
/// The CPU quota of a control group, versions 1 and 2 (cgroups(7); kernel documentation, cgroup-v2.rst "cpu.max" and
/// sched-bwc.rst "cpu.cfs_quota_us"). Pure: it is handed the text of the files.
/// </summary>
internal static class CpuQuota
{
    /// <summary>The tightest quota on the way from the process's group to the root of the hierarchy as mounted, in processors.</summary>
    /// <param name="membership">The text of /proc/self/cgroup.</param>
    /// <param name="mounts">The text of /proc/self/mountinfo.</param>
    /// <param name="read">Reads a file, or returns null where there is none.</param>
    /// <returns>Null when nothing limits.</returns>
    internal static double? Read(string? membership, string? mounts, Func<string, string?> read)
    {
        double? tightest = null;
        foreach (string line in Lines(membership))
        {
            // "0::/path" is version 2; "4:cpu,cpuacct:/path" is the version 1 hierarchy that limits processor time.
            string[] parts = line.Split(':', 3);
            if (parts.Length != 3)
            {
                continue;
            }

            bool isVersion2 = parts[0] == "0" && parts[1].Length == 0;
            if (!isVersion2 && !parts[1].Split(',').Contains("cpu"))
            {
                continue;
            }

            if (FindMount(mounts, isVersion2) is (string root, string point))
            {
                foreach (string directory in FromGroupToRoot(parts[2], root, point))
                {
                    double? quota = isVersion2 ? ReadVersion2(directory, read) : ReadVersion1(directory, read);
                    tightest = quota is double value && !(tightest <= value) ? value : tightest;
                }
            }
        }

        return tightest;
    }

    // mountinfo, proc_pid_mountinfo(5): id parent major:minor ROOT POINT options [tags] - TYPE source SUPEROPTIONS.
    private static (string Root, string Point)? FindMount(string? mounts, bool isVersion2)
    {
        foreach (string line in Lines(mounts))
        {
            int separator = line.IndexOf(" - ", StringComparison.Ordinal);
            if (separator < 0)
            {
                continue;
            }

            string[] before = line[..separator].Split(' ');
            string[] after = line[(separator + 3)..].Split(' ');
            if (before.Length < 5 || after.Length < 3)
            {
                continue;
            }

            bool matches = isVersion2 ? after[0] == "cgroup2" : after[0] == "cgroup" && after[2].Split(',').Contains("cpu");
            if (matches)
            {
                return (before[3], before[4]);
            }
        }

        return null;
    }

    private static IEnumerable<string> FromGroupToRoot(string group, string root, string point)
    {
        // Where a container sees its own group mounted as the root, the path inside the mount is what follows that root.
        string prefix = root.TrimEnd('/') + "/";
        string inside = group.StartsWith(prefix, StringComparison.Ordinal) ? group[(prefix.Length - 1)..].TrimEnd('/') : "";

        // "/.." stands for a group outside our view: only what is mounted can be read.
        if (inside.Split('/').Contains(".."))
        {
            inside = "";
        }

        while (inside.Length > 0)
        {
            yield return point + inside;
            inside = inside[..inside.LastIndexOf('/')];
        }

        yield return point;
    }

    private static double? ReadVersion2(string directory, Func<string, string?> read)
    {
        string[]? parts = read(directory + "/cpu.max")?.Trim().Split(' ');
        return parts is [string quota, string period] ? Divide(quota, period) : null;
    }

    private static double? ReadVersion1(string directory, Func<string, string?> read) =>
        Divide(read(directory + "/cpu.cfs_quota_us"), read(directory + "/cpu.cfs_period_us"));

    /// <summary>Null for "max", for -1 and for anything that is not a quota.</summary>
    private static double? Divide(string? quota, string? period) =>
        long.TryParse(quota?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long quotaMicroseconds) &&
        long.TryParse(period?.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long periodMicroseconds) &&
        quotaMicroseconds > 0 && periodMicroseconds > 0
            ? (double)quotaMicroseconds / periodMicroseconds
            : null;

    private static string[] Lines(string? text) => (text ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
