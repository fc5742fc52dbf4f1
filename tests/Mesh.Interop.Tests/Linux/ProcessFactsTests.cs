using System.Globalization;
using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Interop.Tests.Linux;

/// <summary>Method: what the façade says about this process is compared with what the kernel writes under /proc.</summary>
public sealed class ProcessFactsTests
{
    [Fact]
    public void Capabilities_are_those_of_the_calling_thread()
    {
        string line = LineOf("/proc/thread-self/status", "CapEff:");
        ulong effective = ulong.Parse(line["CapEff:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

        Assert.Equal((effective >> 12 & 1) != 0, Capabilities.HasNetAdmin);
        Assert.Equal((effective >> 13 & 1) != 0, Capabilities.HasNetRaw);
        Assert.Equal((effective >> 21 & 1) != 0, Capabilities.HasSysAdmin);
    }

    [Fact]
    public void Raising_open_files_goes_to_the_hard_limit()
    {
        long raised = ResourceLimits.RaiseOpenFiles();

        string line = LineOf("/proc/self/limits", "Max open files");
        string[] columns = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(columns[4], columns[3]);
        Assert.Equal(long.Parse(columns[4], CultureInfo.InvariantCulture), raised);
    }

    [Fact]
    public void Usable_processors_are_at_least_one_and_no_more_than_the_machine_has() =>
        Assert.InRange(Processors.UsableCount, 1, Directory.GetDirectories("/sys/devices/system/cpu", "cpu?*").Length);

    private static string LineOf(string path, string start) =>
        File.ReadLines(path).Single(line => line.StartsWith(start, StringComparison.Ordinal));
}
