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
internal sealed class ScaleRun : IAsyncDisposable
{
    // Far beyond what is promised: a figure that is bad is still a figure.
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan s_retryInterval = TimeSpan.FromMilliseconds(20);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mesh-bench-control-");
    private readonly CancellationTokenSource _timeout = new(s_timeout);
    private readonly List<SimulatedProxy> _proxies = [];
    private readonly ScaleOptions _options;
    private Process? _process;

    private ScaleRun(ScaleOptions options)
    {
        _options = options;
    }

    private string Config => Path.Combine(_directory.FullName, "config");

    /// <exception cref="ScaleException">The control plane did not start, ended, or did not send what it should.</exception>
    public static async Task<ScaleFigures> MeasureAsync(ScaleOptions options)
    {
        await using var run = new ScaleRun(options);
        try
        {
            return await run.MeasureAsync();
        }
        catch (OperationCanceledException)
        {
            throw new ScaleException($"the control plane did not get all to all proxies within {s_timeout.TotalSeconds:0} s");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _proxies.ForEach(proxy => proxy.Dispose());
        if (_process is not null)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        _timeout.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task<ScaleFigures> MeasureAsync()
    {
        var state = new StateDirectory(Path.Combine(_directory.FullName, "state"), TimeProvider.System);
        Directory.CreateDirectory(Config);
        MeshManifests.Write(Config, _options);
        var tokens = new List<string>();
        for (int index = 0; index < _options.Proxies; index++)
        {
            tokens.Add(await JoinTokenFile.CreateAsync(
                state, MeshManifests.NodeName(index), replace: false, TimeProvider.System.GetUtcNow(), _timeout.Token));
        }

        (IPEndPoint server, IPEndPoint admin) = FreeEndPoints();
        long start = Stopwatch.GetTimestamp();
        _process = Start(state.Root, server, admin);
        await ListeningAsync(_process, server);
        await ConnectAsync(new SimulatedProxy(server, state.RootCertificateFile, MeshManifests.NodeName(0), tokens[0]));
        TimeSpan load = Stopwatch.GetElapsedTime(start);

        start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(1, _options.Proxies - 1).Select(index =>
            ConnectAsync(new SimulatedProxy(server, state.RootCertificateFile, MeshManifests.NodeName(index), tokens[index]))));
        TimeSpan storm = Stopwatch.GetElapsedTime(start);

        var changes = new List<TimeSpan>();
        for (int generation = 1; generation <= _options.Changes; generation++)
        {
            start = Stopwatch.GetTimestamp();
            IPAddress address = MeshManifests.MoveOnePod(Config, _options, generation);
            await Task.WhenAll(_proxies.Select(proxy => proxy.TakeUntilWorkloadAtAsync(address, _timeout.Token)));
            changes.Add(Stopwatch.GetElapsedTime(start));
        }

        _process.Refresh();
        return new ScaleFigures(load, storm, changes, _process.TotalProcessorTime, _process.WorkingSet64);
    }

    private async Task ConnectAsync(SimulatedProxy proxy)
    {
        _proxies.Add(proxy);
        await proxy.SubscribeAsync(_timeout.Token);
        await proxy.TakeUntilHoldingAsync(_options.Services + _options.Pods, _timeout.Token);
    }

    private Process Start(string state, IPEndPoint server, IPEndPoint admin)
    {
        var start = new ProcessStartInfo(_options.MeshControl)
        {
            ArgumentList =
            {
                "--config", Config, "--state", state, "--listen", server.ToString(), "--admin", admin.ToString(), "--log-level", "error",
            },
        };
        return Process.Start(start) ?? throw new ScaleException($"{_options.MeshControl} did not start");
    }

    private async Task ListeningAsync(Process process, IPEndPoint server)
    {
        while (!process.HasExited)
        {
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(server, _timeout.Token);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(s_retryInterval, TimeProvider.System, _timeout.Token);
            }
        }

        throw new ScaleException($"{_options.MeshControl} ended with status {process.ExitCode} before it listened");
    }

    // Both at once, so that neither can be given the other's.
    private static (IPEndPoint Server, IPEndPoint Admin) FreeEndPoints()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        using var admin = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        admin.Start();
        return ((IPEndPoint)server.LocalEndpoint, (IPEndPoint)admin.LocalEndpoint);
    }
}
