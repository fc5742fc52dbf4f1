using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.State;

namespace Mesh.Bench.Control;

/// <summary>
/// Measures what an operator of a large mesh waits for: 1. from the start of the process to a proxy holding everything; 2. from one
/// changed pod to every connected proxy holding the change. The control plane runs as its own process; the proxies are connections from
/// here, so their cost is in the figures too.
/// </summary>
internal static class ScaleRun
{
    private static readonly TimeSpan s_startTimeout = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_retryInterval = TimeSpan.FromMilliseconds(20);

    public static async Task<int> RunAsync(ScaleOptions options)
    {
        string directory = Directory.CreateTempSubdirectory("mesh-bench-control-").FullName;
        try
        {
            await MeasureAsync(options, directory);
            return 0;
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task MeasureAsync(ScaleOptions options, string directory)
    {
        string config = Directory.CreateDirectory(Path.Combine(directory, "config")).FullName;
        var state = new StateDirectory(Path.Combine(directory, "state"), TimeProvider.System);
        MeshManifests.Write(config, options);
        var tokens = new List<string>();
        for (int index = 0; index < options.Proxies; index++)
        {
            tokens.Add(await JoinTokenFile.CreateAsync(
                state, $"node-{index}", replace: false, TimeProvider.System.GetUtcNow(), CancellationToken.None));
        }

        Console.WriteLine($"{options.Services} services, {options.Pods} pods, {options.Namespaces} namespaces, {options.Proxies} proxies");
        var server = new IPEndPoint(IPAddress.Loopback, FreePort());
        long start = Stopwatch.GetTimestamp();
        using Process process = Start(config, state.Root, server);
        try
        {
            await MeasureProcessAsync(options, process, config, state, server, tokens, start);
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static async Task MeasureProcessAsync(
        ScaleOptions options,
        Process process,
        string config,
        StateDirectory state,
        IPEndPoint server,
        List<string> tokens,
        long start)
    {
        await ListeningAsync(process, server);
        var proxies = new List<SimulatedProxy> { new(server, state.RootCertificateFile, "node-0", tokens[0]) };
        await proxies[0].SubscribeAsync();
        await proxies[0].TakeNextAsync();
        Report("start to the first proxy holding everything", Stopwatch.GetElapsedTime(start), $"target < 10 s; {Describe(proxies[0])}");

        start = Stopwatch.GetTimestamp();
        for (int index = 1; index < options.Proxies; index++)
        {
            proxies.Add(new SimulatedProxy(server, state.RootCertificateFile, $"node-{index}", tokens[index]));
        }

        await Task.WhenAll(proxies.Skip(1).Select(async proxy =>
        {
            await proxy.SubscribeAsync();
            await proxy.TakeNextAsync();
        }));
        Report(
            $"{options.Proxies - 1} more proxies connecting at once, to the last holding everything",
            Stopwatch.GetElapsedTime(start),
            string.Empty);

        var changes = new List<TimeSpan>();
        for (int generation = 1; generation <= options.Changes; generation++)
        {
            start = Stopwatch.GetTimestamp();
            MeshManifests.MoveOnePod(config, options, generation);
            await Task.WhenAll(proxies.Select(proxy => proxy.TakeNextAsync()));
            changes.Add(Stopwatch.GetElapsedTime(start));
        }

        changes.Sort();
        Report(
            $"one changed pod to the last of {options.Proxies} proxies (median of {changes.Count})",
            changes[changes.Count / 2],
            $"target < 1 s; worst {changes[^1].TotalMilliseconds:0} ms; {proxies[0].LastResponseBytes} bytes each");
        process.Refresh();
        Console.WriteLine(
            $"control plane: {process.TotalProcessorTime.TotalSeconds:0.0} s of CPU, {process.WorkingSet64 / 1_048_576} MiB resident");
        proxies.ForEach(proxy => proxy.Dispose());
    }

    private static string Describe(SimulatedProxy proxy) => $"{proxy.ResourceCount} resources in {proxy.LastResponseBytes / 1_024} KiB";

    private static void Report(string what, TimeSpan time, string note) =>
        Console.WriteLine($"{what}: {time.TotalMilliseconds:0} ms{(note.Length > 0 ? $" ({note})" : string.Empty)}");

    private static Process Start(string config, string state, IPEndPoint server)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "mesh-control"))
        {
            ArgumentList =
            {
                "--config", config, "--state", state, "--listen", server.ToString(), "--admin", "127.0.0.1:0", "--log-level", "error",
            },
        };
        return Process.Start(start) ?? throw new InvalidOperationException("mesh-control did not start.");
    }

    private static async Task ListeningAsync(Process process, IPEndPoint server)
    {
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < s_startTimeout && !process.HasExited)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(server);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(s_retryInterval, TimeProvider.System);
            }
        }

        throw new InvalidOperationException("mesh-control does not listen.");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
