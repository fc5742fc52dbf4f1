using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>
/// Says on the node, as the condition <c>MeshNodeReady</c>, whether pods of the mesh can start and have connections there, and in words why
/// not. Written when it changes, and now and then so that its age tells of an agent that is away.
/// </summary>
/// <param name="api">Where.</param>
/// <param name="node">Which node.</param>
/// <param name="logger">For the operator.</param>
/// <param name="time">The clock.</param>
internal sealed class NodeCondition(ApiClient api, string node, ILogger logger, TimeProvider time)
{
    /// <summary>The condition's type.</summary>
    public const string Type = "MeshNodeReady";

    private const int AnswerBytesMax = 4 * 1024 * 1024;
    private const int MessageCharactersMax = 1024;

    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_heartbeat = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_retry = TimeSpan.FromMinutes(1);

    // Lists of conditions are merged by type; a plain merge would take those of the kubelet away.
    private static readonly MediaTypeHeaderValue s_strategicMerge = new("application/strategic-merge-patch+json");

    private string? _said;
    private bool? _wasReady;
    private string _since = "";
    private long? _triedAt;
    private bool _wasRefused;

    /// <summary>Says it, where it is news. One call at a time.</summary>
    /// <param name="problems">What is wrong; none when all is right.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task SayAsync(IReadOnlyList<string> problems, CancellationToken cancellation)
    {
        string message = problems.Count == 0 ? "Pods of the mesh can start and have connections." : string.Join("; ", problems);
        message = message.Length > MessageCharactersMax ? message[..MessageCharactersMax] : message;
        TimeSpan due = _wasRefused ? s_retry : message == _said ? s_heartbeat : TimeSpan.Zero;
        if (_triedAt is long tried && time.GetElapsedTime(tried) < due)
        {
            return;
        }

        _triedAt = time.GetTimestamp();
        string now = time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        bool isReady = problems.Count == 0;
        if (_wasReady != isReady)
        {
            _wasReady = isReady;
            _since = now;
        }

        JsonObject condition = new()
        {
            ["type"] = Type,
            ["status"] = isReady ? "True" : "False",
            ["reason"] = isReady ? "MeshNodeIsReady" : "MeshNodeIsNotReady",
            ["message"] = message,
            ["lastHeartbeatTime"] = now,
            ["lastTransitionTime"] = _since,
        };
        JsonObject patch = new() { ["status"] = new JsonObject { ["conditions"] = new JsonArray(condition) } };
        try
        {
            using StringContent content = new(patch.ToJsonString(), s_strategicMerge);
            string path = $"/api/v1/nodes/{Uri.EscapeDataString(node)}/status";
            await api.AskAsync(HttpMethod.Patch, path, content, AnswerBytesMax, s_answer, cancellation);
            _said = message;
            _wasRefused = false;
        }
        catch (Exception failed) when (failed is ApiException or HttpRequestException or IOException or JsonException)
        {
            if (!_wasRefused)
            {
                Log.ConditionNotSaid(logger, Type, node, failed.Message);
            }

            _wasRefused = true;
        }
    }
}
