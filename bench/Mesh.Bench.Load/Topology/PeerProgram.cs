using System.Globalization;
using Mesh.Bench.Load.Measuring;
using Mesh.Lab;
using Mesh.Lab.Processes;

namespace Mesh.Bench.Load.Topology;

/// <summary>Another proxy, running in a namespace of the lab with a configuration of bench/compare.</summary>
internal sealed class PeerProgram : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_pollInterval = TimeSpan.FromMilliseconds(20);

    private readonly CancellationTokenSource _end;
    private readonly Task<CommandResult> _run;

    private PeerProgram(Task<CommandResult> run, CancellationTokenSource end)
    {
        _run = run;
        _end = end;
    }

    public ProxyProcess Process { get; private set; } = null!;

    /// <summary>Starts a program and waits until it listens.</summary>
    /// <param name="lab">Where.</param>
    /// <param name="name">What it is called in messages, such as `haproxy beside the server`.</param>
    /// <param name="networkNamespace">Its place in the lab.</param>
    /// <param name="command">Must stay in the foreground.</param>
    /// <param name="port">Where it has to listen to be ready.</param>
    /// <param name="directory">Where its process number is left.</param>
    /// <exception cref="BenchException">It ended or does not listen in time; the message holds what it wrote.</exception>
    public static async Task<PeerProgram> StartAsync(
        MeshLab lab, string name, string networkNamespace, IReadOnlyList<string> command, int port, string directory)
    {
        string pidFile = Path.Combine(directory, $"{Guid.NewGuid():N}.pid");
        var end = new CancellationTokenSource();
        string[] script = ["sh", "-c", "echo $$ >\"$0\"; exec \"$@\"", pidFile, .. command];
        var program = new PeerProgram(lab.ExecuteAsync(networkNamespace, script, cancellation: end.Token), end);
        try
        {
            await program.BecomeReadyAsync(lab, name, pidFile, port);
            return program;
        }
        catch
        {
            await program.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await ((Task)_run).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _end.Dispose();
    }

    private async Task BecomeReadyAsync(MeshLab lab, string name, string pidFile, int port)
    {
        using var limit = new CancellationTokenSource(s_startLimit);
        while (!IsReady(lab, name, pidFile, port))
        {
            if (_run.IsCompleted)
            {
                CommandResult result = await _run;
                throw new BenchException($"{name} ended with status {result.ExitCode}: {(result.Errors + result.Output).Trim()}");
            }

            if (limit.IsCancellationRequested)
            {
                throw new BenchException($"{name} does not listen on port {port} within {s_startLimit.TotalSeconds} s");
            }

            await Task.Delay(s_pollInterval, TimeProvider.System);
        }
    }

    private bool IsReady(MeshLab lab, string name, string pidFile, int port)
    {
        if (!File.Exists(pidFile) || !int.TryParse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture, out int id))
        {
            return false;
        }

        Process = new ProxyProcess(lab, name, id);
        return !_run.IsCompleted && Process.IsListening(port);
    }
}
