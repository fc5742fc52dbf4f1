using System.Globalization;

namespace Mesh.Bench.Load.Measuring;

/// <summary>What is read from the texts of /proc (proc(5)).</summary>
internal static class ProcFiles
{
    // USER_HZ: what times in /proc are counted in, on every architecture this runs on, whatever the kernel's own tick.
    private const double TicksPerSecond = 100;
    private const int ListenState = 0x0A;

    /// <summary>Processor time of a process with all its threads, ended ones too: utime and stime of /proc/PID/stat.</summary>
    public static double ParseProcessCpuSeconds(string stat)
    {
        // The name in field 2 may hold anything, so fields are counted from the last bracket; utime is field 14.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return (Number(fields[11]) + Number(fields[12])) / TicksPerSecond;
    }

    /// <summary>
    /// Time all processors together were not idle: the first line of /proc/stat without idle, iowait and what a host took.
    /// </summary>
    public static double ParseMachineCpuSeconds(string stat)
    {
        // cpu user nice system idle iowait irq softirq steal …
        string[] fields = stat[..stat.IndexOf('\n', StringComparison.Ordinal)].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (Number(fields[1]) + Number(fields[2]) + Number(fields[3]) + Number(fields[6]) + Number(fields[7])) / TicksPerSecond;
    }

    /// <summary>Memory resident, in bytes: VmRSS of /proc/PID/status.</summary>
    public static long ParseResidentBytes(string status)
    {
        string line = status.Split('\n').Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
        return 1024 * (long)Number(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
    }

    /// <summary>Whether somebody listens on a port of any address: a table of /proc/PID/net/tcp.</summary>
    public static bool HasListener(string table, int port)
    {
        return table.Split('\n').Skip(1).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Any(fields =>
            fields.Length > 3
            && int.Parse(fields[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture) == ListenState
            && int.Parse(fields[1].Split(':')[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture) == port);
    }

    /// <summary>The file a process has mapped whose name begins so, such as libssl.so: from /proc/PID/maps.</summary>
    public static string? FindMapped(string maps, string namePrefix)
    {
        return maps.Split('\n')
            .Select(line => line[(line.LastIndexOf(' ') + 1)..])
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(namePrefix, StringComparison.Ordinal));
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
