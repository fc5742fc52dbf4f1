using System.Diagnostics;
using System.Globalization;
using Mesh.Interop.Linux;
using Mesh.Lab.Processes;

namespace Mesh.Bench.Load.Topology;

/// <summary>
/// While it lasts, the proxy of node-1 has processor 0 for itself, and everything else of the lab and of this program has 1.
/// </summary>
internal sealed class SplitProcessors : IAsyncDisposable
{
    private const string ProxysProcessor = "0";
    private const string OthersProcessor = "1";
    private static readonly TimeSpan s_readyLimit = TimeSpan.FromSeconds(90);

    private SplitProcessors()
    {
    }

    /// <exception cref="BenchException">There are fewer than two processors, or they cannot be assigned.</exception>
    public static async Task<SplitProcessors> StartAsync(BenchLab bench)
    {
        if (Processors.UsableCount < 2)
        {
            throw new BenchException("two processors are needed, one of them for the proxy");
        }

        // Begun on its processor, the proxy makes one loop; what starts it is the lab's first process.
        await AssignAsync(bench, ProxysProcessor, "1");
        await bench.Lab.StopAsync(bench.Node1.Proxy);
        await bench.Lab.StartAsync(bench.Node1.Proxy);
        await bench.Lab.WaitUntilReadyAsync(s_readyLimit);
        await bench.Lab.SettleAsync(s_readyLimit);
        string proxy = (await bench.ProxyAsync(bench.Node1)).ProcessId.ToString(CultureInfo.InvariantCulture);
        foreach (string directory in Directory.GetDirectories(bench.Lab.PathInside("/proc")))
        {
            string name = Path.GetFileName(directory);
            if (int.TryParse(name, CultureInfo.InvariantCulture, out _) && name != proxy)
            {
                await AssignAsync(bench, OthersProcessor, name);
            }
        }

        await AssignSelfAsync(OthersProcessor);
        return new SplitProcessors();
    }

    /// <summary>Gives this program all processors back; the lab is not used any more.</summary>
    public async ValueTask DisposeAsync() =>
        await AssignSelfAsync(string.Create(CultureInfo.InvariantCulture, $"0-{Environment.ProcessorCount - 1}"));

    private static async Task AssignAsync(BenchLab bench, string processors, string process)
    {
        CommandResult result = await bench.Lab.ExecuteAsync(bench.Node1.Name, ["taskset", "-acp", processors, process]);

        // A process that has ended meanwhile needs none.
        if (result.ExitCode != 0 && Directory.Exists(bench.Lab.PathInside($"/proc/{process}")))
        {
            throw new BenchException($"taskset -acp {processors} {process}: {result.Errors}");
        }
    }

    // Threads that begin later take it from those that begin them.
    private static async Task AssignSelfAsync(string processors)
    {
        string process = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        var start = new ProcessStartInfo("taskset", ["-acp", processors, process]) { RedirectStandardOutput = true };
        using Process taskset = Process.Start(start)!;
        await taskset.StandardOutput.ReadToEndAsync();
        await taskset.WaitForExitAsync();
        if (taskset.ExitCode != 0)
        {
            throw new BenchException($"taskset -acp {processors} {process}: status {taskset.ExitCode}");
        }
    }
}
