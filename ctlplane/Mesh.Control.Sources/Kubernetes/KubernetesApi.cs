using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using k8s;
using k8s.Exceptions;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// The API server: where it is, who we are to it, and requests to it as bytes. The client's package finds both, in a pod from what the
/// kubelet mounts there, elsewhere in a kubeconfig; its typed objects are not used, since most of what they would hold is thrown away.
/// Any thread.
/// </summary>
public sealed class KubernetesApi : IDisposable
{
    private const int ErrorBytesMax = 64 * 1_024;
    private const int MessageCharsMax = 500;

    private readonly k8s.Kubernetes _client;

    private KubernetesApi(KubernetesClientConfiguration configuration)
    {
        // A proxy or a slow list must not end a watch: every request here brings its own limit.
        configuration.HttpClientTimeout = Timeout.InfiniteTimeSpan;
        _client = new k8s.Kubernetes(configuration);
    }

    /// <summary>Where it is.</summary>
    public Uri Address => _client.BaseUri;

    /// <summary>Of the pod this process runs in.</summary>
    /// <exception cref="IOException">This process does not run in a pod, or its pod has no service account.</exception>
    public static KubernetesApi OpenInCluster() => Open(
        KubernetesClientConfiguration.InClusterConfig,
        "This is no pod with a service account token, so the API server is not known; elsewhere give --kubeconfig FILE.");

    /// <summary>Of a kubeconfig.</summary>
    /// <param name="file">The kubeconfig.</param>
    /// <param name="context">Which of its contexts; null for its current one.</param>
    /// <exception cref="IOException">The file cannot be read, or does not say how to reach an API server.</exception>
    public static KubernetesApi OpenConfiguration(string file, string? context) => Open(
        () => KubernetesClientConfiguration.BuildConfigFromConfigFile(file, context), $"--kubeconfig {file} cannot be used.");

    public void Dispose() => _client.Dispose();

    /// <summary>Asks for a whole answer.</summary>
    /// <exception cref="ApiException">Another answer than 200, or a longer one.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    internal Task<byte[]> GetAsync(string path, int bytesMax, TimeSpan timeout, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, path, content: null, bytesMax, timeout, cancellation);

    /// <summary>Sends something, and asks for a whole answer.</summary>
    /// <exception cref="ApiException">Another answer than 200 or 201, or a longer one.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    internal async Task<byte[]> SendAsync(
        HttpMethod method, string path, HttpContent? content, int bytesMax, TimeSpan timeout, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            using HttpResponseMessage response = await SendAsync(method, path, content, limit.Token);
            await using Stream body = await response.Content.ReadAsStreamAsync(limit.Token);
            return await ReadAsync(body, bytesMax, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new HttpRequestException($"No answer within {timeout.TotalSeconds:0.#} s.");
        }
    }

    /// <summary>Asks for an answer without an end.</summary>
    /// <exception cref="ApiException">Another answer than 200.</exception>
    /// <exception cref="HttpRequestException">No answer.</exception>
    internal Task<HttpResponseMessage> OpenAsync(string path, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, path, content: null, cancellation);

    private static KubernetesApi Open(Func<KubernetesClientConfiguration> find, string problem)
    {
        try
        {
            return new KubernetesApi(find());
        }
        catch (Exception exception) when (exception is KubeConfigException or IOException or UnauthorizedAccessException
            or FormatException or System.Security.Cryptography.CryptographicException or YamlDotNet.Core.YamlException)
        {
            throw new IOException($"{problem} {exception.Message}", exception);
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, new Uri(_client.BaseUri, path))
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        if (_client.Credentials is { } credentials)
        {
            await credentials.ProcessHttpRequestAsync(request, cancellation);
        }

        HttpResponseMessage response = await _client.HttpClient.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw new ApiException(response.StatusCode, await ReadMessageAsync(response, cancellation), RetryAfter(response));
        }
    }

    private static async Task<byte[]> ReadAsync(Stream body, int bytesMax, CancellationToken cancellation)
    {
        using var whole = new MemoryStream();
        byte[] buffer = new byte[64 * 1_024];
        int count;
        while ((count = await body.ReadAsync(buffer, cancellation)) > 0)
        {
            if (whole.Length + count > bytesMax)
            {
                string message = $"The answer is longer than {bytesMax} bytes.";
                throw new ApiException(HttpStatusCode.RequestEntityTooLarge, message, retryAfter: null);
            }

            await whole.WriteAsync(buffer.AsMemory(0, count), cancellation);
        }

        return whole.ToArray();
    }

    /// <summary>What a Status says in words; of anything else, nothing: it may be a page of somebody in between.</summary>
    private static async Task<string> ReadMessageAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellation);
            using var status = JsonDocument.Parse(await ReadAsync(body, ErrorBytesMax, cancellation));
            if (status.RootElement.ValueKind == JsonValueKind.Object
                && status.RootElement.TryGetProperty("message", out JsonElement message)
                && message.ValueKind == JsonValueKind.String)
            {
                string text = message.GetString()!;
                return text.Length > MessageCharsMax ? text[..MessageCharsMax] : text;
            }
        }
        catch (Exception exception) when (exception is JsonException or ApiException or IOException or HttpRequestException)
        {
            // The code says enough.
        }

        return response.ReasonPhrase ?? string.Empty;
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter?.Delta;
}
