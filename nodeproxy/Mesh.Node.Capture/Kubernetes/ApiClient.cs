using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>Requests to the API server, with the credentials of the pod this process runs in. Any thread.</summary>
internal sealed class ApiClient : IDisposable
{
    private const int ErrorBytesMax = 64 * 1024;
    private const int MessageCharactersMax = 500;
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const long CredentialBytesMax = 1024 * 1024;

    private static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(10);
    private static readonly MediaTypeWithQualityHeaderValue s_json = new("application/json");

    private readonly KubernetesOptions _options;
    private readonly HttpClient _client;

    /// <exception cref="CaptureException">The address is missing or none.</exception>
    public ApiClient(KubernetesOptions options)
    {
        _options = options;
        Address = ReadAddress(options.Server);
        var handler = new SocketsHttpHandler
        {
            ConnectTimeout = s_connectTimeout,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),

            // A path that went silent is noticed also under a watch that has nothing to say.
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,

            // A token is sent with every request: to this address and nowhere else.
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = IsTrusted },
        };

        // Every request brings its own limit; a watch has none.
        _client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Where the API server is.</summary>
    public Uri Address { get; }

    public void Dispose() => _client.Dispose();

    /// <summary>Asks for a whole answer.</summary>
    /// <exception cref="ApiException">Another answer than a success, or a longer one.</exception>
    /// <exception cref="HttpRequestException">No answer within the time.</exception>
    /// <exception cref="IOException">The connection broke, or there is no token.</exception>
    public async Task<byte[]> AskAsync(
        HttpMethod method, string path, HttpContent? content, int bytesMax, TimeSpan timeout, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            using HttpResponseMessage response = await SendAsync(method, path, content, limit.Token);
            await using Stream body = await response.Content.ReadAsStreamAsync(limit.Token);
            return await ReadAsync(body, bytesMax, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new HttpRequestException(string.Create(CultureInfo.InvariantCulture, $"no answer within {timeout.TotalSeconds:0.#} s"));
        }
    }

    /// <summary>Asks for an answer without an end. The time is for its beginning.</summary>
    /// <exception cref="ApiException">Another answer than a success.</exception>
    /// <exception cref="HttpRequestException">No answer within the time.</exception>
    /// <exception cref="IOException">There is no token.</exception>
    public async Task<HttpResponseMessage> OpenAsync(string path, TimeSpan timeout, CancellationToken cancellation)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(timeout);
        try
        {
            return await SendAsync(HttpMethod.Get, path, null, limit.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new HttpRequestException(string.Create(CultureInfo.InvariantCulture, $"no answer within {timeout.TotalSeconds:0.#} s"));
        }
    }

    private static Uri ReadAddress(string? configured)
    {
        if (configured is not null)
        {
            // In the clear to this host only: whoever hears the token is this agent.
            return Uri.TryCreate(configured, UriKind.Absolute, out Uri? address)
                && (address.Scheme == Uri.UriSchemeHttps || (address.Scheme == Uri.UriSchemeHttp && address.IsLoopback))
                ? address
                : throw new CaptureException($"kubernetes.server: '{configured}' is not like https://HOST:PORT");
        }

        string? host = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST");
        string? port = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_PORT");
        if (host is { Length: > 0 } && ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
        {
            return new UriBuilder(Uri.UriSchemeHttps, host, number).Uri;
        }

        throw new CaptureException(
            "kubernetes.server is not given, and KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, which every pod has, are not set");
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, new Uri(Address, path))
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.Accept.Add(s_json);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", ReadToken());
        HttpResponseMessage response = await _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            throw new ApiException(response.StatusCode, await ReadMessageAsync(response, cancellation));
        }
    }

    private string ReadToken()
    {
        string token = Encoding.Latin1.GetString(ReadLimited(_options.TokenFile)).Trim();
        return token.Length > 0 && !token.AsSpan().ContainsAnyExceptInRange('!', '~')
            ? token
            : throw new IOException($"{_options.TokenFile} holds no token: one line of printable characters is expected");
    }

    /// <summary>The name must be right, and the chain must end in a root of the file as it is now.</summary>
    private bool IsTrusted(object sender, X509Certificate? certificate, X509Chain? built, SslPolicyErrors errors)
    {
        if (certificate is not X509Certificate2 server
            || (errors & (SslPolicyErrors.RemoteCertificateNameMismatch | SslPolicyErrors.RemoteCertificateNotAvailable)) != 0)
        {
            return false;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;

        // The cluster's root signs clients' certificates too, with the names they asked for.
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        foreach (X509ChainElement intermediate in built?.ChainElements.Skip(1) ?? [])
        {
            chain.ChainPolicy.ExtraStore.Add(intermediate.Certificate);
        }

        try
        {
            chain.ChainPolicy.CustomTrustStore.ImportFromPem(Encoding.Latin1.GetString(ReadLimited(_options.RootCertificateFile)));
        }
        catch (Exception unreadable) when (unreadable is IOException or CryptographicException)
        {
            return false;
        }

        return chain.Build(server);
    }

    private static byte[] ReadLimited(string file)
    {
        try
        {
            using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (stream.Length > CredentialBytesMax)
            {
                throw new IOException($"{file} has {stream.Length} bytes, more than {CredentialBytesMax}");
            }

            byte[] content = new byte[stream.Length];
            stream.ReadExactly(content);
            return content;
        }
        catch (UnauthorizedAccessException denied)
        {
            throw new IOException(denied.Message, denied);
        }
    }

    private static async Task<byte[]> ReadAsync(Stream body, int bytesMax, CancellationToken cancellation)
    {
        using var whole = new MemoryStream();
        byte[] buffer = new byte[16 * 1024];
        int count;
        while ((count = await body.ReadAsync(buffer, cancellation)) > 0)
        {
            if (whole.Length + count > bytesMax)
            {
                throw new ApiException(HttpStatusCode.RequestEntityTooLarge, $"the answer is longer than {bytesMax} bytes");
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
            StatusObject? status = JsonSerializer.Deserialize(
                await ReadAsync(body, ErrorBytesMax, cancellation), ApiJson.Default.StatusObject);
            if (status?.Message is { Length: > 0 } message)
            {
                return message.Length > MessageCharactersMax ? message[..MessageCharactersMax] : message;
            }
        }
        catch (Exception unreadable) when (unreadable is JsonException or ApiException or IOException or HttpRequestException)
        {
            // The code says enough.
        }

        return response.ReasonPhrase ?? "";
    }
}
