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

    private readonly StatusSchedule _schedule = new();
    private Dictionary<ObjectKey, WantedStatus> _wanted = [];
    private ConfigurationState.AnalyzedView? _view;
    private string _lastProblem = string.Empty;

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            if (!isLeader())
            {
                // Whoever leads meanwhile may have written something else.
                _schedule.Clear();
                continue;
            }

            Refresh();
            foreach ((ObjectKey key, WantedStatus wanted) in _schedule.NextDue(_wanted, AtOnceMax, time.GetUtcNow()))
            {
                if (!isLeader())
                {
                    break;
                }

                _schedule.Report(key, wanted.Text, await TryTellAsync(wanted, cancellation), time.GetUtcNow());
                await Task.Delay(s_pause, time, cancellation);
            }
        }
    }

    private void Refresh()
    {
        if (configuration.Analyzed is not { } view || ReferenceEquals(view, _view))
        {
            return;
        }

        _view = view;
        _wanted = WantedStatus.Of(view);
        _schedule.Keep(_wanted.Keys);
    }

    private async Task<TellingOutcome> TryTellAsync(WantedStatus wanted, CancellationToken cancellation)
    {
        try
        {
            for (int attempt = 0; attempt < AttemptsMax; attempt++)
            {
                if (await TellAsync(wanted, cancellation) is { } outcome)
                {
                    _lastProblem = string.Empty;
                    return outcome;
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

        return TellingOutcome.Failed;
    }

    /// <returns>Null when somebody else changed the object at the same time.</returns>
    private async Task<TellingOutcome?> TellAsync(WantedStatus wanted, CancellationToken cancellation)
    {
        if (await objects.FindAsync(wanted.Path, cancellation) is not { } present)
        {
            return TellingOutcome.Told;
        }

        if (wanted.Generation > 0 && present["metadata"]?["generation"]?.GetValue<long>() != wanted.Generation)
        {
            // Of a newer version nothing is known yet.
            return TellingOutcome.IsNewer;
        }

        var before = present["status"] as JsonObject;
        JsonObject? next = StatusText.Apply(before, wanted, time.GetUtcNow());
        if (JsonNode.DeepEquals(before, next))
        {
            return TellingOutcome.Told;
        }

        present["status"] = next;
        return await objects.ReplaceAsync($"{wanted.Path}/status", present, cancellation) is null ? null : TellingOutcome.Told;
    }

    [LoggerMessage(
        EventId = 1741, Level = LogLevel.Warning, Message = "What is to be said of {Path} cannot be written to its status: {Problem}")]
    private static partial void NotTold(ILogger logger, string path, string problem);
}
