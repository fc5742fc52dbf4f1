using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>
/// Keeps what the API server has of one kind: lists, then watches from where the list ended, and lists anew when the history from there is
/// gone. Whatever fails is tried again, later each time, and what was known stays.
/// </summary>
/// <param name="kind">What is followed.</param>
/// <param name="api">Where.</param>
/// <param name="times">Limits.</param>
/// <param name="onChanged">Called when <see cref="Objects"/> is another. Must not block.</param>
/// <param name="onProblem">Called when <see cref="Problem"/> is another. Must not block.</param>
/// <param name="logger">For the operator.</param>
/// <param name="time">The clock.</param>
internal sealed class ResourceFollower<T>(
    ResourceKind<T> kind, ApiClient api, FollowTimes times, Action onChanged, Action onProblem, ILogger logger, TimeProvider time)
    where T : class
{
    private const int PageObjects = 500;
    private const int PageBytesMax = 64 * 1024 * 1024;

    // The API server's own limit for an object is 3 MiB.
    private const int EventBytesMax = 8 * 1024 * 1024;

    private readonly Lock _gate = new();

    // Guarded by _gate, by namespace and name.
    private Dictionary<string, T>? _objects;

    // Used by RunAsync only.
    private TimeSpan _retry = times.RetryFirst;
    private string _version = "";

    private long _restarts;

    /// <summary>What is known, in no order; null before the first list has ended. Any thread.</summary>
    public IReadOnlyList<T>? Objects
    {
        get
        {
            lock (_gate)
            {
                return _objects is null ? null : [.. _objects.Values];
            }
        }
    }

    /// <summary>Why it cannot be followed now; null while it can. Any thread.</summary>
    public string? Problem { get; private set; }

    /// <summary>How often listing or watching failed, or the history was gone. Any thread.</summary>
    public long Restarts => Interlocked.Read(ref _restarts);

    /// <summary>Follows until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                await ListAsync(cancellation);
                await WatchUntilListIsDueAsync(cancellation);
            }
            catch (Exception failure) when (IsFailure(failure) && !cancellation.IsCancellationRequested)
            {
                Interlocked.Increment(ref _restarts);
                await WaitAfterAsync(failure, cancellation);
            }
        }
    }

    private async Task ListAsync(CancellationToken cancellation)
    {
        var found = new Dictionary<string, T>(StringComparer.Ordinal);
        string next = "";
        string version;
        do
        {
            string page = string.Create(
                CultureInfo.InvariantCulture, $"{kind.Path}?{kind.Selector}limit={PageObjects}&continue={Uri.EscapeDataString(next)}");
            byte[] answer = await api.AskAsync(HttpMethod.Get, page, null, PageBytesMax, times.Answer, cancellation);
            ListObject<T>? list = JsonSerializer.Deserialize(answer, kind.List);
            version = list?.Metadata?.ResourceVersion ?? throw new JsonException("The answer is not a list.");
            next = list.Metadata.Continue ?? "";
            foreach (T item in list.Items ?? [])
            {
                if (KeyOf(item) is string key)
                {
                    found[key] = item;
                }
            }
        }
        while (next.Length > 0);

        _version = version;
        lock (_gate)
        {
            _objects = found;
        }

        ReportWorking();
        onChanged();
    }

    /// <summary>Returns when everything is to be listed anew.</summary>
    private async Task WatchUntilListIsDueAsync(CancellationToken cancellation)
    {
        long listed = time.GetTimestamp();
        TimeSpan resync = FollowTimes.Jitter(times.Resync);
        while (time.GetElapsedTime(listed) < resync)
        {
            long began = time.GetTimestamp();
            string from = _version;
            try
            {
                bool isExpired = !await WatchAsync(cancellation);
                ResetAfterProgress(from, began);
                if (isExpired)
                {
                    Interlocked.Increment(ref _restarts);
                    Log.HistoryGone(logger, kind.Plural);
                    await DelayAsync(cancellation);
                    return;
                }

                if (from == _version)
                {
                    // A server that ends every watch at once is not asked as fast as it answers.
                    await DelayAsync(cancellation);
                }
            }
            catch (Exception failure) when (IsOfConnection(failure) && !cancellation.IsCancellationRequested)
            {
                Interlocked.Increment(ref _restarts);
                ResetAfterProgress(from, began);
                await WaitAfterAsync(failure, cancellation);
            }
        }
    }

    /// <returns>False when the history from the version on is gone.</returns>
    private async Task<bool> WatchAsync(CancellationToken cancellation)
    {
        string path = string.Create(
            CultureInfo.InvariantCulture,
            $"{kind.Path}?{kind.Selector}watch=true&allowWatchBookmarks=true"
                + $"&timeoutSeconds={Math.Max(1, (long)FollowTimes.Jitter(times.Watch).TotalSeconds)}"
                + $"&resourceVersion={Uri.EscapeDataString(_version)}");
        try
        {
            using HttpResponseMessage response = await api.OpenAsync(path, times.Answer, cancellation);
            ReportWorking();
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellation);
            await foreach (byte[] line in WatchLines.ReadAsync(body, EventBytesMax, times.Silence, time, cancellation))
            {
                if (!Apply(JsonSerializer.Deserialize(line, ApiJson.Default.WatchObject) ?? throw new JsonException("An event is null.")))
                {
                    return false;
                }
            }

            return true;
        }
        catch (ApiException expired) when (expired.Code == HttpStatusCode.Gone)
        {
            return false;
        }
    }

    /// <returns>False when the history is gone.</returns>
    private bool Apply(WatchObject change)
    {
        if (change.Type == "ERROR")
        {
            StatusObject? status = change.Object.Deserialize(ApiJson.Default.StatusObject);
            return status?.Code == (int)HttpStatusCode.Gone
                ? false
                : throw new ApiException((HttpStatusCode)(status?.Code ?? 0), status?.Message ?? "the watch failed");
        }

        T item = change.Object.Deserialize(kind.Item) ?? throw new JsonException("An event has no object.");
        if (change.Type is "ADDED" or "MODIFIED" or "DELETED" && KeyOf(item) is string key)
        {
            lock (_gate)
            {
                if (change.Type == "DELETED")
                {
                    _objects!.Remove(key);
                }
                else
                {
                    _objects![key] = item;
                }
            }

            onChanged();
        }

        // Bookmarks say how far the watch has come, and nothing else.
        if (kind.MetadataOf(item)?.ResourceVersion is { Length: > 0 } version)
        {
            _version = version;
        }

        return true;
    }

    private string? KeyOf(T item) =>
        kind.MetadataOf(item) is { Name: { Length: > 0 } name } metadata ? $"{metadata.Namespace}/{name}" : null;

    /// <summary>What came forward, or stood for a while, has not failed.</summary>
    private void ResetAfterProgress(string from, long began)
    {
        if (from != _version || time.GetElapsedTime(began) > times.RetryLast)
        {
            _retry = times.RetryFirst;
        }
    }

    private async Task WaitAfterAsync(Exception failure, CancellationToken cancellation)
    {
        string problem = failure switch
        {
            ApiException { Code: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } =>
                $"the API server does not let the agent read {kind.Plural} ({failure.Message})",
            ApiException => $"the API server answers {failure.Message}",
            JsonException => $"what the API server says of {kind.Plural} cannot be understood: {failure.Message}",
            _ => $"the API server at {api.Address} does not answer: {(failure.InnerException ?? failure).Message}",
        };
        if (Problem != problem)
        {
            Problem = problem;
            Log.NotFollowed(logger, kind.Plural, problem);
            onProblem();
        }

        await DelayAsync(cancellation);
    }

    private async Task DelayAsync(CancellationToken cancellation)
    {
        TimeSpan delay = FollowTimes.Jitter(_retry);
        _retry = _retry * 2 < times.RetryLast ? _retry * 2 : times.RetryLast;
        await Task.Delay(delay, time, cancellation);
    }

    private void ReportWorking()
    {
        if (Problem is not null)
        {
            Problem = null;
            Log.FollowedAgain(logger, kind.Plural);
            onProblem();
        }
    }

    private static bool IsOfConnection(Exception failure) =>
        failure is ApiException or HttpRequestException or IOException or OperationCanceledException;

    private static bool IsFailure(Exception failure) => IsOfConnection(failure) || failure is JsonException;
}
