using System.Diagnostics;
using System.Globalization;

namespace Mesh.Lab.Processes;

/// <summary>What a supervised program is doing.</summary>
internal enum ProcessState
{
    NotStarted,
    Running,

    /// <summary>It ended, and is started again after a pause.</summary>
    Waiting,
    Ended,
}

/// <summary>
/// A program the lab keeps: its output goes to a log file, and when wished it is started again whenever it ends. The pause before that
/// doubles, so that a program which cannot run does not spin. Safe on any thread.
/// </summary>
internal sealed class LabProcess(string logFile, Func<ProcessStartInfo> describe, bool restarts) : IDisposable
{
    private static readonly TimeSpan s_pauseMin = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_pauseMax = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private Process? _process;
    private CancellationTokenSource _run = new();
    private Task _supervision = Task.CompletedTask;

    public ProcessState State { get; private set; }

    public int RestartCount { get; private set; }

    /// <summary>Status of the last end; 128 plus the signal when a signal ended it.</summary>
    public int? ExitCode { get; private set; }

    /// <summary>The number inside the lab; null when it does not run.</summary>
    public int? ProcessId
    {
        get
        {
            lock (_lock)
            {
                return State == ProcessState.Running ? _process?.Id : null;
            }
        }
    }

    /// <summary>Raised on any thread after each change of <see cref="State"/>.</summary>
    public Action? Changed { get; set; }

    /// <summary>Starts the program when it does not run.</summary>
    /// <exception cref="LabException">It cannot be started.</exception>
    public void Start()
    {
        lock (_lock)
        {
            if (State is ProcessState.Running or ProcessState.Waiting)
            {
                return;
            }

            _run.Dispose();
            _run = new CancellationTokenSource();
            Launch();
            _supervision = SuperviseAsync(_run.Token);
        }

        Changed?.Invoke();
    }

    /// <summary>Ends the program: asks by SIGTERM, insists by SIGKILL. It is not started again.</summary>
    public async Task StopAsync(TimeSpan patience)
    {
        // Before the lock: what would start the program again looks for this inside it.
        await _run.CancelAsync();
        Process? process;
        lock (_lock)
        {
            process = State == ProcessState.Running ? _process : null;
        }

        if (process is not null)
        {
            await Signals.SendAsync("TERM", process.Id);
            using var limit = new CancellationTokenSource(patience);
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
            }
        }

        await _supervision;
    }

    /// <summary>SIGKILL. A program that is kept running comes back after its pause; any other has ended on return.</summary>
    public async Task KillAsync()
    {
        lock (_lock)
        {
            if (State == ProcessState.Running)
            {
                _process!.Kill();
            }
        }

        if (!restarts)
        {
            // Until its end has been seen it counts as running, and could not be started again.
            await _supervision;
        }
    }

    /// <summary>Forgets the program; it is to be stopped before.</summary>
    public void Dispose()
    {
        _run.Dispose();
        _process?.Dispose();
    }

    private void Launch()
    {
        _process?.Dispose();
        ProcessStartInfo program = describe();
        const string Script = "exec >>\"$0\" 2>&1; exec \"$@\"";
        var start = new ProcessStartInfo("sh", ["-c", Script, logFile, program.FileName, .. program.ArgumentList])
        {
            WorkingDirectory = program.WorkingDirectory,
            RedirectStandardInput = true,
        };
        start.Environment.Clear();
        foreach ((string name, string? value) in program.Environment)
        {
            start.Environment[name] = value;
        }

        _process = Command.Start(start);
        _process.StandardInput.Close();
        State = ProcessState.Running;
    }

    private async Task SuperviseAsync(CancellationToken cancellation)
    {
        TimeSpan pause = s_pauseMin;
        while (true)
        {
            long startedAt = Stopwatch.GetTimestamp();
            await _process!.WaitForExitAsync(CancellationToken.None);
            bool again = restarts && !cancellation.IsCancellationRequested;
            lock (_lock)
            {
                ExitCode = _process.ExitCode;
                State = again ? ProcessState.Waiting : ProcessState.Ended;
            }

            await File.AppendAllTextAsync(
                logFile, string.Create(CultureInfo.InvariantCulture, $"-- ended with status {ExitCode}\n"), CancellationToken.None);
            Changed?.Invoke();
            if (!again)
            {
                return;
            }

            // A program that ran for a while has earned a prompt restart.
            pause = Stopwatch.GetElapsedTime(startedAt) > s_pauseMax ? s_pauseMin : pause;
            await Task.Delay(pause, TimeProvider.System, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 > s_pauseMax ? s_pauseMax : pause * 2;
            bool stopped;
            lock (_lock)
            {
                stopped = cancellation.IsCancellationRequested;
                if (stopped)
                {
                    State = ProcessState.Ended;
                }
                else
                {
                    RestartCount++;
                    Launch();
                }
            }

            Changed?.Invoke();
            if (stopped)
            {
                return;
            }
        }
    }
}
