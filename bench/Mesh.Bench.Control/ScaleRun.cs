using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Grpc.Core;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.State;
using Mesh.Control.Serving.Xds;

namespace Mesh.Bench.Control;

/// <summary>
/// Measures what an operator of a large mesh waits for: 1. from the start of the process to a proxy holding everything; 2. from one
/// changed object to every connected proxy holding the change. The control plane runs as its own process; the proxies are connections
/// from here, so their cost is in the figures too.
/// </summary>
internal sealed partial class ScaleRun : IAsyncDisposable
{
    // Far beyond what is promised: a figure that is bad is still a figure.
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan s_retryInterval = TimeSpan.FromMilliseconds(20);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mesh-bench-control-");
    private readonly CancellationTokenSource _timeout = new(s_timeout);
    private readonly List<SimulatedProxy> _proxies = [];
    private readonly ScaleOptions _options;
    private readonly TaskCompletionSource<TimeSpan> _build = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Process? _process;

    private ScaleRun(ScaleOptions options)
    {
        _options = options;
    }

    private string Config => Path.Combine(_directory.FullName, "config");

    private IReadOnlyList<string> TypesAsked =>
        _options.HasResources ? [TypeUrls.Authorization, TypeUrls.Address, TypeUrls.Traffic] : [TypeUrls.Address];

    private int ServicesWithRoutes => Math.Min(_options.VirtualServices, _options.Services / 2)
        + Math.Min(_options.HttpRoutes, _options.Services - (_options.Services / 2));

    /// <exception cref="ScaleException">The control plane did not start, ended, or did not send what it should.</exception>
    public static async Task<ScaleFigures> MeasureAsync(ScaleOptions options)
    {
        await using var run = new ScaleRun(options);
        try
        {
            return await run.MeasureAsync();
        }
        catch (Exception ended) when (ended is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            throw new ScaleException($"the control plane did not get all to all proxies within {s_timeout.TotalMinutes:0} minutes");
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
        ResourceManifests.Write(Config, _options);
        var tokens = new List<string>();
        for (int index = 0; index < _options.Proxies; index++)
        {
            tokens.Add(await JoinTokenFile.CreateAsync(
                state, MeshManifests.NodeName(index), replace: false, TimeProvider.System.GetUtcNow(), _timeout.Token));
        }

        IPEndPoint[] free = FreeEndPoints.Take(2);
        (IPEndPoint server, IPEndPoint admin) = (free[0], free[1]);
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
            byte[] changed = _options.HasResources
                ? ResourceManifests.ChangeOne(Config, _options, generation)
                : MeshManifests.MoveOnePod(Config, _options, generation);
            await Task.WhenAll(_proxies.Select(proxy => proxy.TakeUntilAsync(changed, _timeout.Token)));
            changes.Add(Stopwatch.GetElapsedTime(start));
        }

        _process.Refresh();
        var figures = new ScaleFigures(
            load, storm, changes, _process.TotalProcessorTime, _process.WorkingSet64, _process.PeakWorkingSet64)
        {
            Build = await _build.Task.WaitAsync(_timeout.Token),
        };
        return _options.MeshNode is null
            ? figures
            : figures with { ProxyBytes = await ProxyBytesAsync(_options.MeshNode, server, state.RootCertificateFile, tokens[0]) };
    }

    private async Task ConnectAsync(SimulatedProxy proxy)
    {
        _proxies.Add(proxy);
        await proxy.SubscribeAsync(TypesAsked, _timeout.Token);
        await proxy.TakeUntilHoldingAsync(_options.Services + _options.Pods + _options.Policies + ServicesWithRoutes, _timeout.Token);
    }

    private Task<long> ProxyBytesAsync(string program, IPEndPoint server, string rootCertificateFile, string token) => ProxyMemory.MeasureAsync(
        program,
        server,
        rootCertificateFile,
        MeshManifests.NodeName(0),
        token,
        new Dictionary<string, int>(StringComparer.Ordinal)
        {
            ["mesh_workloads"] = _options.Pods,
            ["mesh_services"] = _options.Services,
            ["mesh_policies"] = _options.Policies,
            ["mesh_configuration_complete"] = 1,
        },
        _timeout.Token);

    private Process Start(string state, IPEndPoint server, IPEndPoint admin)
    {
        var start = new ProcessStartInfo(_options.MeshControl)
        {
            ArgumentList =
            {
                "--config", Config, "--state", state, "--listen", server.ToString(), "--admin", admin.ToString(), "--log-level", "info",
            },
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process = Process.Start(start) ?? throw new ScaleException($"{_options.MeshControl} did not start");
        process.OutputDataReceived += (_, line) => OnLogged(line.Data);
        process.ErrorDataReceived += (_, line) => OnLogged(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    // The control plane says of each configuration how long it took; the first one is everything.
    private void OnLogged(string? line)
    {
        if (line is not null && BuildTime().Match(line) is { Success: true } match)
        {
            _build.TrySetResult(TimeSpan.FromMilliseconds(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)));
        }
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

    [GeneratedRegex(@"[0-9]+ objects in ([0-9]+) ms")]
    private static partial Regex BuildTime();
}
