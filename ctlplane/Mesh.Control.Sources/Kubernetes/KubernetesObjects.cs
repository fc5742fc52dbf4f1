using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>Reads and writes single objects. What is written is what was read with a change in it, so nothing of others is lost.</summary>
public sealed class KubernetesObjects(KubernetesApi api)
{
    private const int AnswerBytesMax = 8 * 1_024 * 1_024;
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(15);

    /// <summary>A definition of a kind is compiled, and webhooks of others are asked.</summary>
    private static readonly TimeSpan s_applyTimeout = TimeSpan.FromSeconds(30);

    private static readonly MediaTypeHeaderValue s_json = new("application/json");

    /// <summary>JSON is YAML.</summary>
    private static readonly MediaTypeHeaderValue s_apply = new("application/apply-patch+yaml");

    /// <summary>Path of one object.</summary>
    /// <param name="apiVersion">Such as <c>v1</c> or <c>coordination.k8s.io/v1</c>.</param>
    /// <param name="plural">As paths say it.</param>
    /// <param name="namespace">Empty for what has none.</param>
    /// <param name="name">Empty for all of them.</param>
    public static string PathOf(string apiVersion, string plural, string @namespace, string name)
    {
        string root = apiVersion.Contains('/', StringComparison.Ordinal) ? "apis" : "api";
        string scope = @namespace.Length == 0 ? string.Empty : $"namespaces/{@namespace}/";
        string end = name.Length == 0 ? string.Empty : $"/{name}";
        return $"{root}/{apiVersion}/{scope}{plural}{end}";
    }

    /// <returns>The object, or null when there is none.</returns>
    /// <exception cref="ApiException">Another answer.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    public async Task<JsonObject?> FindAsync(string path, CancellationToken cancellation)
    {
        try
        {
            return Read(await api.GetAsync(path, AnswerBytesMax, s_timeout, cancellation));
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <returns>As created; null when there is one of that name already.</returns>
    /// <exception cref="ApiException">Another answer.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    public Task<JsonObject?> CreateAsync(string path, JsonObject created, CancellationToken cancellation) =>
        WriteAsync(HttpMethod.Post, path, created, cancellation);

    /// <param name="path">Of the object, or of a part of it.</param>
    /// <param name="replaced">As read, with its resource version, and changed.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>As replaced; null when somebody else has changed it since it was read.</returns>
    /// <exception cref="ApiException">Another answer.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    public Task<JsonObject?> ReplaceAsync(string path, JsonObject replaced, CancellationToken cancellation) =>
        WriteAsync(HttpMethod.Put, path, replaced, cancellation);

    /// <summary>Server-side apply: what is written becomes ours and is as written, and fields that others have set stay.</summary>
    /// <param name="path">Of the object.</param>
    /// <param name="applied">What we say of it.</param>
    /// <param name="manager">In whose name.</param>
    /// <param name="takesOver">Whether fields that others have set otherwise are set all the same; without it they are a conflict.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <returns>As it is now.</returns>
    /// <exception cref="ApiException">Another answer.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    public async Task<JsonObject> ApplyAsync(
        string path, JsonObject applied, string manager, bool takesOver, CancellationToken cancellation)
    {
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(applied));
        content.Headers.ContentType = s_apply;
        string target = $"{path}?fieldManager={manager}&force={(takesOver ? "true" : "false")}";
        return Read(await api.SendAsync(HttpMethod.Patch, target, content, AnswerBytesMax, s_applyTimeout, cancellation));
    }

    private async Task<JsonObject?> WriteAsync(HttpMethod method, string path, JsonObject written, CancellationToken cancellation)
    {
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(written));
        content.Headers.ContentType = s_json;
        try
        {
            return Read(await api.SendAsync(method, path, content, AnswerBytesMax, s_timeout, cancellation));
        }
        catch (ApiException exception) when (exception.Code == HttpStatusCode.Conflict)
        {
            return null;
        }
    }

    /// <exception cref="HttpRequestException">It is not an object: somebody in between has answered.</exception>
    private static JsonObject Read(byte[] answer)
    {
        try
        {
            return JsonNode.Parse(answer) as JsonObject ?? throw new HttpRequestException("The answer is not an object.");
        }
        catch (JsonException exception)
        {
            throw new HttpRequestException("The answer is not JSON.", exception);
        }
    }
}
