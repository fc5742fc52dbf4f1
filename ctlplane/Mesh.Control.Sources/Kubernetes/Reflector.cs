using System.Globalization;
using System.Net;
using System.Text.Json;
using Mesh.Control.Model.Inputs;
using Microsoft.Extensions.Logging;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// Follows one kind: finds the version served, lists, then watches from where the list ended, and lists anew when the API server no longer
/// has the history. Whatever fails is tried again, later each time, and what was known stays. One loop.
/// </summary>
internal sealed partial class Reflector(
    WatchedKind kind, KubernetesApi api, ObjectStore store, KubernetesSourceOptions options, TimeProvider time, ILogger logger)
{
    private const int ObjectsPerPageMin = 1;

    private readonly Discovery _discovery = new(api, options.AnswerTimeout);
    private readonly ObjectText _objects = new(kind, new StringPool());
    private readonly BackOff _backOff = new(options.BackOffMin, options.BackOffMax);
    private int _pageObjects = options.PageObjects;
    private bool _isServed;
    private string? _problem;

    public async Task RunAsync(CancellationToken cancellation)
    {
        ListReason reason = ListReason.Start;
        while (true)
        {
            try
            {
                reason = await FollowAsync(reason, cancellation);
            }
            catch (Exception exception) when (IsFailure(exception) && !cancellation.IsCancellationRequested)
            {
                await WaitAfterAsync(exception, cancellation);
            }
        }
    }

    /// <summary>Lists once and watches for as long as that is worth.</summary>
    /// <returns>Why it must be listed again.</returns>
    private async Task<ListReason> FollowAsync(ListReason reason, CancellationToken cancellation)
    {
        if (await _discovery.FindVersionAsync(kind, cancellation) is not { } version)
        {
            if (!_isServed || store.IsEmpty(kind) || await IsGoneForSureAsync(cancellation))
            {
                ReportAbsent();
                await DelayAsync(BackOff.Jitter(options.AbsentPollInterval), cancellation);
            }

            return ListReason.Start;
        }

        _isServed = true;
        string resourceVersion = await ListAsync(version, reason, cancellation);
        return await WatchAsync(version, resourceVersion, cancellation);
    }

    /// <summary>
    /// Policies must not vanish because one replica of the API server has just begun and does not know all definitions yet.
    /// </summary>
    private async Task<bool> IsGoneForSureAsync(CancellationToken cancellation)
    {
        await DelayAsync(BackOff.Jitter(options.AbsentPollInterval), cancellation);
        return await _discovery.FindVersionAsync(kind, cancellation) is null;
    }

    private void ReportAbsent()
    {
        if (_isServed || !store.IsKnown(kind))
        {
            Absent(logger, kind.Resource);
        }

        _isServed = false;
        store.Replace(kind, [], []);
        ReportWorking();
    }

    /// <returns>The resource version of the whole list.</returns>
    private async Task<string> ListAsync(string version, ListReason reason, CancellationToken cancellation)
    {
        SourceMetrics.CountList(kind, reason);
        var received = new Dictionary<ObjectKey, ReceivedObject>();
        var unreadable = new List<string>();
        string next = string.Empty;
        ListPage page;
        do
        {
            string query = string.Create(CultureInfo.InvariantCulture, $"limit={_pageObjects}&continue={Uri.EscapeDataString(next)}");
            page = await ListPageAsync(kind.ListOf(version, query), version, isFirst: next.Length == 0, cancellation);
            foreach (ReceivedObject item in page.Objects)
            {
                received[item.Key] = item;
            }

            unreadable.AddRange(page.Unreadable);
            next = page.Continue;
        }
        while (next.Length > 0);

        store.Replace(kind, received.Values, unreadable);
        ReportWorking();
        Listed(logger, kind.Resource, received.Count, kind.ApiVersionOf(version));
        return page.ResourceVersion;
    }

    private async Task<ListPage> ListPageAsync(string path, string version, bool isFirst, CancellationToken cancellation)
    {
        try
        {
            byte[] body = await api.GetAsync(path, options.PageBytesMax, options.AnswerTimeout, cancellation);
            return ListPage.Read(body, _objects, version);
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.RequestEntityTooLarge && _pageObjects > ObjectsPerPageMin)
        {
            _pageObjects = Math.Max(ObjectsPerPageMin, _pageObjects / 4);
            throw;
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.Gone && !isFirst)
        {
            // The list took longer than history is kept: in fewer pages it may not.
            _pageObjects = Math.Min(_pageObjects * 4, int.MaxValue / 8);
            throw;
        }
    }

    /// <returns>Why it must be listed again.</returns>
    private async Task<ListReason> WatchAsync(string version, string resourceVersion, CancellationToken cancellation)
    {
        long listedAt = time.GetTimestamp();
        TimeSpan resync = BackOff.Jitter(options.ResyncInterval);
        var watch = new Watch(kind, api, store, _objects, options, time, ReportWorking);
        while (time.GetElapsedTime(listedAt) < resync)
        {
            long start = time.GetTimestamp();
            WatchEnd end;
            string from = resourceVersion;
            try
            {
                end = await watch.RunAsync(version, resourceVersion, cancellation);
            }
            catch (Exception exception) when (IsFailure(exception) && IsOfConnection(exception) && !cancellation.IsCancellationRequested)
            {
                resourceVersion = watch.ResourceVersion;
                ResetAfterProgress(from, resourceVersion, start);
                await WaitAfterAsync(exception, cancellation);
                continue;
            }

            resourceVersion = watch.ResourceVersion;
            ResetAfterProgress(from, resourceVersion, start);
            switch (end)
            {
                case WatchEnd.Expired:
                    Expired(logger, kind.Resource);
                    await DelayAsync(_backOff.Next(), cancellation);
                    return ListReason.Expired;
                case WatchEnd.NotServed:
                    await DelayAsync(_backOff.Next(), cancellation);
                    return ListReason.Start;
                default:
                    if (from == resourceVersion)
                    {
                        await DelayAsync(_backOff.Next(), cancellation);
                    }

                    break;
            }
        }

        return ListReason.Resync;
    }

    /// <summary>What came forward, or stood for a while, has not failed.</summary>
    private void ResetAfterProgress(string from, string to, long start)
    {
        if (from != to || time.GetElapsedTime(start) > options.BackOffMax)
        {
            _backOff.Reset();
        }
    }

    private async Task WaitAfterAsync(Exception exception, CancellationToken cancellation)
    {
        SourceMetrics.CountFailure(kind);
        string problem = ProblemOf(exception);
        TimeSpan delay = _backOff.Next();
        if (exception is ApiException { RetryAfter: { } wanted } && wanted > delay)
        {
            delay = wanted < options.BackOffMax ? wanted : options.BackOffMax;
        }

        _problem = problem;
        store.Report(kind, problem);
        await DelayAsync(delay, cancellation);
    }

    private void ReportWorking()
    {
        if (_problem is null)
        {
            return;
        }

        _problem = null;
        store.Report(kind, problem: null);
        Recovered(logger, kind.Resource);
    }

    private string ProblemOf(Exception exception) => exception switch
    {
        ApiException { Code: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } =>
            $"The API server does not let us read it ({exception.Message}).",
        ApiException => $"The API server answers {exception.Message}.",
        UnreadableException => $"What the API server says cannot be understood: {exception.Message}",
        JsonException => "What the API server says is not JSON.",
        _ => $"The API server at {api.Address} does not answer: {(exception.InnerException ?? exception).Message}",
    };

    private Task DelayAsync(TimeSpan delay, CancellationToken cancellation) => Task.Delay(delay, time, cancellation);

    /// <summary>What was said and not understood would be said again: a list leaves out what it cannot understand.</summary>
    private static bool IsOfConnection(Exception exception) => exception is not (UnreadableException or JsonException);

    private static bool IsFailure(Exception exception) => exception
        is ApiException or HttpRequestException or IOException or UnreadableException or JsonException or OperationCanceledException;

    [LoggerMessage(EventId = 1501, Level = LogLevel.Information, Message = "{Resource}: {Count} objects, read as {ApiVersion}.")]
    private static partial void Listed(ILogger logger, string resource, int count, string apiVersion);

    [LoggerMessage(EventId = 1502, Level = LogLevel.Information, Message = "{Resource} is not served; it is taken in when it is.")]
    private static partial void Absent(ILogger logger, string resource);

    [LoggerMessage(EventId = 1503, Level = LogLevel.Information, Message = "{Resource} is followed again.")]
    private static partial void Recovered(ILogger logger, string resource);

    [LoggerMessage(
        EventId = 1504, Level = LogLevel.Information, Message = "{Resource}: the API server no longer has the history; listing anew.")]
    private static partial void Expired(ILogger logger, string resource);
}
