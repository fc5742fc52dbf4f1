using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Node.Capture.Agent;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>
/// Says as events of the API server what is wrong with pods, and that it no longer is: what an operator sees who describes a pod. Each
/// thing is said once for as long as it lasts, and few things a minute.
/// </summary>
/// <param name="api">Where.</param>
/// <param name="node">Whose agent this is.</param>
/// <param name="logger">For the operator.</param>
/// <param name="time">The clock.</param>
internal sealed class PodEvents(ApiClient api, string node, ILogger logger, TimeProvider time)
{
    private const int MessageCharactersMax = 1024;
    private const int AnswerBytesMax = 1024 * 1024;

    // Of all pods together; what is beyond is said as soon as there is room.
    private const int PerMinuteMax = 20;

    private static readonly TimeSpan s_minute = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(5);

    // A proxy that is replaced is away for a moment, and a pod that starts is not served at once.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    private readonly Dictionary<string, Said> _said = new(StringComparer.Ordinal);
    private readonly Queue<long> _recent = [];

    /// <summary>Says what is to be said of pods as they are now. One call at a time.</summary>
    public async Task SayAsync(IReadOnlyList<PodReport> pods, CancellationToken cancellation)
    {
        foreach (string gone in _said.Keys.Except(pods.Select(pod => pod.Uid)).ToArray())
        {
            _said.Remove(gone);
        }

        foreach (PodReport pod in pods)
        {
            if (!_said.TryGetValue(pod.Uid, out Said? said))
            {
                _said.Add(pod.Uid, said = new Said());
            }

            (string Reason, string Message)? now = NewsOf(pod, said);
            if (now is { } news && news.Message != said.Message && said.MayTry(time) && HasRoom())
            {
                if (await PostAsync(pod, news.Reason, news.Message, cancellation))
                {
                    _recent.Enqueue(time.GetTimestamp());
                    said.OnPosted(news.Message);
                }
                else
                {
                    said.OnRefused(time);
                }
            }
        }
    }

    /// <returns>What there is to say of a pod; null while there is nothing.</returns>
    private (string Reason, string Message)? NewsOf(PodReport pod, Said said)
    {
        string problems = string.Join("; ", pod.Problems);
        if (pod.Condition == PodCondition.Wrong)
        {
            return ("CaptureFailed", $"The pod is not captured as it must be: {problems}");
        }

        if (pod.Condition != PodCondition.WaitingForProxy)
        {
            said.WaitingSince = null;
        }
        else
        {
            said.WaitingSince ??= time.GetTimestamp();
            return time.GetElapsedTime(said.WaitingSince.Value) < s_patience
                ? null
                : ("WaitingForProxy", $"No proxy serves the pod, so its connections are refused: {problems}");
        }

        if (pod.Condition != PodCondition.Captured)
        {
            return null;
        }

        return problems.Length > 0 ? ("CaptureIncomplete", problems)
            : said.Message is not null ? ("Captured", "The pod is captured as it must be.")
            : null;
    }

    private bool HasRoom()
    {
        while (_recent.TryPeek(out long oldest) && time.GetElapsedTime(oldest) >= s_minute)
        {
            _recent.Dequeue();
        }

        return _recent.Count < PerMinuteMax;
    }

    private async Task<bool> PostAsync(PodReport pod, string reason, string message, CancellationToken cancellation)
    {
        string[] names = pod.Pod.Split('/', 2);
        string now = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        JsonObject written = new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Event",
            ["metadata"] = new JsonObject { ["name"] = $"{names[1]}.{Guid.NewGuid():N}", ["namespace"] = names[0] },
            ["involvedObject"] = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "Pod",
                ["namespace"] = names[0],
                ["name"] = names[1],
                ["uid"] = pod.Uid,
            },
            ["reason"] = reason,
            ["message"] = message.Length > MessageCharactersMax ? message[..MessageCharactersMax] : message,
            ["type"] = reason == "Captured" ? "Normal" : "Warning",
            ["count"] = 1,
            ["firstTimestamp"] = now,
            ["lastTimestamp"] = now,
            ["source"] = new JsonObject { ["component"] = "mesh-node-agent", ["host"] = node },
            ["reportingComponent"] = "mesh-node-agent",
            ["reportingInstance"] = node,
        };
        try
        {
            using StringContent content = new(written.ToJsonString(), new MediaTypeHeaderValue("application/json"));
            await api.AskAsync(HttpMethod.Post, $"/api/v1/namespaces/{names[0]}/events", content, AnswerBytesMax, s_answer, cancellation);
            return true;
        }
        catch (Exception failed) when (failed is ApiException or HttpRequestException or IOException or JsonException)
        {
            Log.EventNotSaid(logger, pod.Pod, failed.Message);
            return false;
        }
    }

    private sealed class Said
    {
        private static readonly TimeSpan s_retryFirst = TimeSpan.FromSeconds(5);
        private static readonly TimeSpan s_retryLast = TimeSpan.FromMinutes(5);

        private TimeSpan _retry = s_retryFirst;
        private long? _refusedAt;

        /// <summary>What was said last; null before the first.</summary>
        public string? Message { get; private set; }

        /// <summary>Since when no proxy has served it.</summary>
        public long? WaitingSince { get; set; }

        /// <summary>A namespace that takes no events, because it ends or by its quota, is not asked each second.</summary>
        public bool MayTry(TimeProvider time) => _refusedAt is not long at || time.GetElapsedTime(at) >= _retry;

        public void OnPosted(string message)
        {
            Message = message;
            _refusedAt = null;
            _retry = s_retryFirst;
        }

        public void OnRefused(TimeProvider time)
        {
            _retry = _refusedAt is null ? s_retryFirst : _retry * 2 < s_retryLast ? _retry * 2 : s_retryLast;
            _refusedAt = time.GetTimestamp();
        }
    }
}
