using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Live;

/// <summary>
/// Takes over what changes in the configuration file while the process runs. A file with a mistake changes nothing; keys that need a new
/// process are named. Looks at the content, so it does not matter how the file comes to be another: written, renamed, or behind a link that
/// is turned, as Kubernetes does with the files of a ConfigMap.
/// </summary>
/// <param name="running">What the process runs with; live keys are changed in place.</param>
/// <param name="onChanged">Called with the names of the keys that were taken over.</param>
/// <param name="onProblem">Called when <see cref="Problem"/> is another.</param>
/// <param name="logger">For the operator.</param>
/// <param name="time">The clock.</param>
internal sealed class ConfigurationWatch(
    NodeConfiguration running, Action<IReadOnlySet<string>> onChanged, Action<string?> onProblem, ILogger logger, TimeProvider time)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    // Used by one look at a time.
    private string? _seen;
    private string _awaitingRestart = "";
    private volatile string? _problem;
    private volatile string _sourceJson = running.SourceJson;

    /// <summary>What is wrong with the file as it is now; null while it is in force. Any thread.</summary>
    public string? Problem => _problem;

    /// <summary>The last good file. Any thread.</summary>
    public string SourceJson => _sourceJson;

    /// <summary>Looks every two seconds, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using PeriodicTimer timer = new(s_interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellation))
            {
                Look();
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The process ends.
        }
    }

    /// <summary>Takes over what has changed since the last look.</summary>
    public void Look()
    {
        string? text = TryRead();
        if (text is not null && text == _seen)
        {
            return;
        }

        try
        {
            NodeConfiguration next = NodeConfiguration.Read(running.SourceFile);
            _seen = text;
            if (_problem is not null)
            {
                _problem = null;
                onProblem(null);
                Log.ConfigurationRight(logger, running.SourceFile);
            }

            _sourceJson = next.SourceJson;
            TakeOver(next);
        }
        catch (NodeConfigurationException wrong)
        {
            _seen = text;
            if (_problem != wrong.Message)
            {
                _problem = wrong.Message;
                onProblem(wrong.Message);
                Log.ConfigurationWrong(logger, wrong.Message);
            }
        }
    }

    private void TakeOver(NodeConfiguration next)
    {
        SortedSet<string> changed = DifferencesOf(running, next);
        LiveKey[] live = [.. LiveKey.All.Where(key => changed.Remove(key.Name))];
        foreach (LiveKey key in live)
        {
            key.Copy(running, next);
        }

        if (live.Length > 0)
        {
            HashSet<string> names = [.. live.Select(key => key.Name)];
            onChanged(names);
            Log.ConfigurationTaken(logger, string.Join(", ", names));
        }

        string awaitingRestart = string.Join(", ", changed);
        if (awaitingRestart != _awaitingRestart)
        {
            _awaitingRestart = awaitingRestart;
            if (awaitingRestart.Length > 0)
            {
                Log.ConfigurationAwaitsRestart(logger, awaitingRestart);
            }
        }
    }

    private string? TryRead()
    {
        try
        {
            return File.ReadAllText(running.SourceFile);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // Reading it as a configuration says why.
            return null;
        }
    }

    private static SortedSet<string> DifferencesOf(NodeConfiguration one, NodeConfiguration other)
    {
        Dictionary<string, string> before = KeysOf(one);
        Dictionary<string, string> after = KeysOf(other);
        return new SortedSet<string>(
            before.Keys.Union(after.Keys).Where(key => before.GetValueOrDefault(key) != after.GetValueOrDefault(key)),
            StringComparer.Ordinal);
    }

    private static Dictionary<string, string> KeysOf(NodeConfiguration configuration)
    {
        JsonElement file = JsonSerializer.SerializeToElement(configuration, NodeConfigurationJson.Default.NodeConfiguration);
        var keys = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty section in file.EnumerateObject().Where(section => section.Value.ValueKind == JsonValueKind.Object))
        {
            foreach (JsonProperty key in section.Value.EnumerateObject())
            {
                keys[$"{section.Name}.{key.Name}"] = key.Value.GetRawText();
            }
        }

        return keys;
    }
}
