using System.Globalization;
using System.Net;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>How a watch ended that did not fail.</summary>
internal enum WatchEnd
{
    /// <summary>It has lasted as long as was asked for, or the API server wanted no more.</summary>
    Over,

    /// <summary>The API server no longer has the history from there on.</summary>
    Expired,

    /// <summary>There is no such kind any more.</summary>
    NotServed,
}

/// <summary>One kind's changes from a resource version on. Used by one reflector.</summary>
/// <param name="kind">Whose.</param>
/// <param name="api">Where they are read.</param>
/// <param name="store">Where they go.</param>
/// <param name="objects">Reads them.</param>
/// <param name="options">Limits and times.</param>
/// <param name="time">The clock.</param>
/// <param name="opened">Called when the API server agreed to a watch.</param>
internal sealed class Watch(
    WatchedKind kind,
    KubernetesApi api,
    ObjectStore store,
    ObjectText objects,
    KubernetesSourceOptions options,
    TimeProvider time,
    Action opened)
{
    /// <summary>How far the last watch came, also one that failed.</summary>
    public string ResourceVersion { get; private set; } = string.Empty;

    /// <exception cref="ApiException">The API server refused, or ended it with another error than that of a missing history.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    /// <exception cref="IOException">The connection broke or went silent.</exception>
    /// <exception cref="UnreadableException">An event that is none.</exception>
    public async Task<WatchEnd> RunAsync(string version, string resourceVersion, CancellationToken cancellation)
    {
        ResourceVersion = resourceVersion;
        long seconds = Math.Max(1, (long)BackOff.Jitter(options.WatchDuration).TotalSeconds);
        string path = kind.ListOf(version, string.Create(
            CultureInfo.InvariantCulture,
            $"watch=true&allowWatchBookmarks=true&timeoutSeconds={seconds}&resourceVersion={Uri.EscapeDataString(resourceVersion)}"));
        try
        {
            using HttpResponseMessage response = await OpenAsync(path, cancellation);
            opened();
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellation);
            await foreach (ReadOnlyMemory<byte> line in EventLines.ReadAsync(
                body, options.EventBytesMax, options.SilenceMax, time, cancellation))
            {
                if (Apply(WatchEvent.Read(line.Span, objects, version)) is { } end)
                {
                    return end;
                }
            }

            return WatchEnd.Over;
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.Gone)
        {
            return WatchEnd.Expired;
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.NotFound)
        {
            return WatchEnd.NotServed;
        }
    }

    private async Task<HttpResponseMessage> OpenAsync(string path, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(options.AnswerTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            return await api.OpenAsync(path, either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new HttpRequestException($"No answer within {options.AnswerTimeout.TotalSeconds:0.#} s.");
        }
    }

    /// <returns>How the watch ends with this event, or null.</returns>
    private WatchEnd? Apply(WatchEvent received)
    {
        switch (received.Type)
        {
            case WatchEventType.Error when received.Code == (int)HttpStatusCode.Gone:
                return WatchEnd.Expired;
            case WatchEventType.Error:
                throw new ApiException((HttpStatusCode)received.Code, received.Message, retryAfter: null);
            case WatchEventType.Put when received.Object is { } put:
                SourceMetrics.CountEvent(kind);
                store.Put(kind, put);
                break;
            case WatchEventType.Deleted when received.Object is { } deleted:
                SourceMetrics.CountEvent(kind);
                store.Remove(kind, deleted.Key);
                break;
        }

        if (received.ResourceVersion.Length > 0)
        {
            ResourceVersion = received.ResourceVersion;
        }

        return null;
    }
}
