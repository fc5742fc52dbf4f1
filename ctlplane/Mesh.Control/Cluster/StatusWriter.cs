using System.Text.Json.Nodes;
using Mesh.Control.Configuration;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// Tells objects of themselves, in their status: whether they hold, and what is wrong with them. Few at a time, and only what is not there
/// already. One loop, which works while this replica leads.
/// </summary>
/// <param name="objects">The API server.</param>
/// <param name="configuration">What is in force and what is said of it.</param>
/// <param name="isLeader">Whether this process may write.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Says what cannot be written.</param>
internal sealed partial class StatusWriter(
    KubernetesObjects objects,
    ConfigurationState configuration,
    Func<bool> isLeader,
    TimeProvider time,
    ILogger<StatusWriter> logger)
{
    private const int AttemptsMax = 3;

    /// <summary>Before it is asked again what is to be told.</summary>
    private const int AtOnceMax = 25;

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    /// <summary>Between two objects: 25 a second at most.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(40);

    /// <summary>After which a status is looked at again: somebody may have changed it.</summary>
    private static readonly TimeSpan s_checkInterval = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan s_retryInterval = TimeSpan.FromSeconds(5);

    private readonly Dictionary<ObjectKey, (string Text, DateTimeOffset DueAt)> _done = [];
    private Dictionary<ObjectKey, WantedStatus> _wanted = [];
    private ConfigurationState.View? _view;
    private string _lastProblem = string.Empty;

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            if (!isLeader())
            {
                // Whoever leads meanwhile may have written something else.
                _done.Clear();
                continue;
            }

            Refresh();
            foreach ((ObjectKey key, WantedStatus wanted) in _wanted.Where(entry => IsDue(entry.Key, entry.Value)).Take(AtOnceMax).ToList())
            {
                if (!isLeader())
                {
                    break;
                }

                TimeSpan until = await TryTellAsync(wanted, cancellation) ? s_checkInterval : s_retryInterval;
                _done[key] = (wanted.Text, time.GetUtcNow() + until);
                await Task.Delay(s_pause, time, cancellation);
            }
        }
    }

    private void Refresh()
    {
        ConfigurationState.View view = configuration.Current;
        if (ReferenceEquals(view, _view) || view.Model is null)
        {
            return;
        }

        _view = view;
        _wanted = WantedStatus.Of(view);
        foreach (ObjectKey gone in _done.Keys.Where(key => !_wanted.ContainsKey(key)).ToList())
        {
            _done.Remove(gone);
        }
    }

    private bool IsDue(ObjectKey key, WantedStatus wanted) =>
        !_done.TryGetValue(key, out (string Text, DateTimeOffset DueAt) done) || time.GetUtcNow() >= done.DueAt || done.Text != wanted.Text;

    /// <returns>Whether the object has it now, or is gone.</returns>
    private async Task<bool> TryTellAsync(WantedStatus wanted, CancellationToken cancellation)
    {
        try
        {
            for (int attempt = 0; attempt < AttemptsMax; attempt++)
            {
                if (await TellAsync(wanted, cancellation) is { } isTold)
                {
                    _lastProblem = string.Empty;
                    return isTold;
                }
            }
        }
        catch (Exception exception) when (exception is ApiException or HttpRequestException or IOException or InvalidOperationException)
        {
            if (exception.Message != _lastProblem)
            {
                _lastProblem = exception.Message;
                NotTold(logger, wanted.Path, exception.Message);
            }
        }

        return false;
    }

    /// <returns>Null when somebody else changed the object at the same time.</returns>
    private async Task<bool?> TellAsync(WantedStatus wanted, CancellationToken cancellation)
    {
        if (await objects.FindAsync(wanted.Path, cancellation) is not { } present)
        {
            return true;
        }

        if (wanted.Generation > 0 && present["metadata"]?["generation"]?.GetValue<long>() != wanted.Generation)
        {
            // Of a newer version nothing is known yet.
            return false;
        }

        var before = present["status"] as JsonObject;
        JsonObject? next = StatusText.Apply(before, wanted, time.GetUtcNow());
        if (JsonNode.DeepEquals(before, next))
        {
            return true;
        }

        present["status"] = next;
        return await objects.ReplaceAsync($"{wanted.Path}/status", present, cancellation) is null ? null : true;
    }

    [LoggerMessage(
        EventId = 1741, Level = LogLevel.Warning, Message = "What is to be said of {Path} cannot be written to its status: {Problem}")]
    private static partial void NotTold(ILogger logger, string path, string problem);
}
