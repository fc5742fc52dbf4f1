using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Api.Enrolment;
using Mesh.Node.Capture.Agent;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>
/// Says on each pod whether its capture stands, for the control plane, which has others reach it by HBONE only then. Written once rules are
/// right and a proxy serves the pod; taken away when it begins to leave. In between it stays: a pod whose proxy is away is captured. What
/// another mesh's agent says of its own pods in the same words is left alone.
/// </summary>
/// <param name="api">Where.</param>
/// <param name="pods">The pods of this node as the API server said last; null before it said anything.</param>
/// <param name="logger">For the operator.</param>
/// <param name="time">The clock.</param>
internal sealed class CaptureNotes(ApiClient api, Func<IReadOnlyList<PodObject>?> pods, ILogger logger, TimeProvider time)
{
    private const int AnswerBytesMax = 4 * 1024 * 1024;
    private const int WritersMax = 8;

    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(5);

    // Until the watch tells of what was written, and after the first refusal; each further one doubles it.
    private static readonly TimeSpan s_writeAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_writeAgainMax = TimeSpan.FromMinutes(5);
    private static readonly MediaTypeHeaderValue s_mergePatch = new("application/merge-patch+json");

    private readonly Dictionary<string, Attempt> _attempts = new(StringComparer.Ordinal);
    private volatile string? _problem;

    /// <summary>Why it could not be said of some pod; null when it could. Any thread.</summary>
    public string? Problem => _problem;

    /// <summary>Says what is to be said of pods as they are now. One call at a time.</summary>
    /// <param name="reports">Every pod of the agent, by uid.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>Whether <see cref="Problem"/> is another.</returns>
    public async Task<bool> WriteAsync(IReadOnlyDictionary<string, PodReport> reports, CancellationToken cancellation)
    {
        IReadOnlyList<PodObject> known = pods() ?? [];
        foreach (string gone in _attempts.Keys.Except(known.Select(pod => pod.Metadata?.Uid ?? "")).ToArray())
        {
            _attempts.Remove(gone);
        }

        List<(ObjectMetadata Pod, Attempt Attempt)> due = [];
        foreach (PodObject pod in known)
        {
            if (pod.Metadata is not { Uid: { } uid, Name: not null, Namespace: not null } metadata)
            {
                continue;
            }

            if (pod.Status?.Phase is "Succeeded" or "Failed" || NewsOf(metadata, reports.GetValueOrDefault(uid)) is not bool stands)
            {
                _attempts.Remove(uid);
            }
            else if (!_attempts.TryGetValue(uid, out Attempt? last) || last.Stands != stands)
            {
                due.Add((metadata, _attempts[uid] = new Attempt(stands)));
            }
            else if (time.GetElapsedTime(last.At) >= last.Pause)
            {
                due.Add((metadata, last));
            }
        }

        ParallelOptions parallel = new() { MaxDegreeOfParallelism = WritersMax, CancellationToken = cancellation };
        await Parallel.ForEachAsync(due, parallel, async (entry, stop) =>
        {
            entry.Attempt.At = time.GetTimestamp();
            entry.Attempt.Ended(await PatchAsync(entry.Pod, entry.Attempt.Stands, stop));
        });

        // The same one as long as it lasts, whichever others come and go.
        string? problem = _attempts.Where(attempt => attempt.Value.Problem is not null)
            .OrderBy(attempt => attempt.Key, StringComparer.Ordinal)
            .Select(attempt => attempt.Value.Problem)
            .FirstOrDefault();
        bool isNews = problem != _problem;
        _problem = problem;
        return isNews;
    }

    /// <returns>What is to be written on a pod; null when it says so already.</returns>
    private static bool? NewsOf(ObjectMetadata pod, PodReport? report)
    {
        bool isOurs = pod.Annotations?.ContainsKey(CaptureRule.StandsMark) == true;
        bool isSaid = isOurs && pod.Annotations!.GetValueOrDefault(CaptureRule.StandsAnnotation) == CaptureRule.Stands;
        return report?.Condition switch
        {
            null or PodCondition.Leaving => isOurs ? false : null,
            PodCondition.Captured => isSaid ? null : true,
            _ => null,
        };
    }

    /// <returns>Why it was refused; null when it is written, or the pod is gone.</returns>
    private async Task<string?> PatchAsync(ObjectMetadata pod, bool stands, CancellationToken cancellation)
    {
        // The uid is a condition: another pod of the name is another.
        JsonObject patch = new()
        {
            ["metadata"] = new JsonObject
            {
                ["uid"] = pod.Uid,
                ["annotations"] = new JsonObject
                {
                    [CaptureRule.StandsAnnotation] = stands ? CaptureRule.Stands : null,
                    [CaptureRule.StandsMark] = stands ? "true" : null,
                },
            },
        };
        string path = $"/api/v1/namespaces/{Uri.EscapeDataString(pod.Namespace!)}/pods/{Uri.EscapeDataString(pod.Name!)}/status";
        try
        {
            using StringContent content = new(patch.ToJsonString(), s_mergePatch);
            await api.AskAsync(HttpMethod.Patch, path, content, AnswerBytesMax, s_answer, cancellation);
            return null;
        }
        catch (ApiException gone) when (gone.Code is HttpStatusCode.NotFound or HttpStatusCode.Conflict)
        {
            return null;
        }
        catch (Exception failed) when (failed is ApiException or HttpRequestException or IOException or JsonException)
        {
            Log.CaptureNotNoted(logger, $"{pod.Namespace}/{pod.Name}", stands, failed.Message);
            return $"what is captured cannot be said on pods, so others do not use HBONE to them: {failed.Message}";
        }
    }

    /// <summary>What was last tried of a pod.</summary>
    private sealed class Attempt(bool stands)
    {
        public bool Stands => stands;

        /// <summary>When, as the clock's timestamp.</summary>
        public long At { get; set; }

        /// <summary>Until it is tried again.</summary>
        public TimeSpan Pause { get; private set; } = s_writeAgain;

        public string? Problem { get; private set; }

        /// <param name="problem">Why it was refused; null when it was not.</param>
        public void Ended(string? problem)
        {
            Pause = problem is null || Problem is null ? s_writeAgain : Pause < s_writeAgainMax / 2 ? Pause * 2 : s_writeAgainMax;
            Problem = problem;
        }
    }
}
