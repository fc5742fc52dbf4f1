using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Cni;

/// <summary>
/// Keeps the plug-in installed for as long as the agent runs, whatever other network plug-ins write. It stays when the agent ends: new pods
/// then wait, and do not start uncaptured.
/// </summary>
internal sealed class CniInstaller(CniOptions options, CniInstallation installation, ILogger logger, TimeProvider time)
{
    // Looked at this often even if the kernel reports no change.
    private static readonly TimeSpan s_lookAgain = TimeSpan.FromSeconds(5);

    private readonly WakeSignal _changed = new();
    private string[] _reported = [];
    private volatile string? _problem = "the plug-in has not been looked at yet";

    /// <summary>Why the plug-in is not installed as it must be; null when it is. Any thread.</summary>
    public string? Problem => _problem;

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        FileSystemWatcher? watcher = null;
        try
        {
            while (true)
            {
                // Before the look, so that nothing that happens after it is missed.
                watcher ??= TryWatch();
                Look();
                await _changed.WaitAsync(s_lookAgain, time, cancellation);
            }
        }
        finally
        {
            watcher?.Dispose();
        }
    }

    private void Look()
    {
        IReadOnlyList<string> changes = installation.Ensure(out IReadOnlyList<string> problems);
        foreach (string change in changes)
        {
            Log.Installed(logger, change);
        }

        foreach (string problem in problems.Except(_reported))
        {
            Log.NotInstalled(logger, problem);
        }

        _reported = [.. problems];
        _problem = problems.Count > 0 ? string.Join("; ", problems) : null;
    }

    private FileSystemWatcher? TryWatch()
    {
        try
        {
            FileSystemWatcher watcher = new(options.HostPrefix + options.ConfigurationDirectory);
            watcher.Created += (_, _) => _changed.Set();
            watcher.Changed += (_, _) => _changed.Set();
            watcher.Deleted += (_, _) => _changed.Set();
            watcher.Renamed += (_, _) => _changed.Set();
            watcher.Error += (_, _) => _changed.Set();
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception unavailable) when (unavailable is ArgumentException or IOException or UnauthorizedAccessException)
        {
            // It does not exist yet, or watches are used up: looking again has to do.
            return null;
        }
    }
}
