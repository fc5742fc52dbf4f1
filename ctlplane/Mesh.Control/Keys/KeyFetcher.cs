using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Mesh.Control.Model.Keys;

namespace Mesh.Control.Keys;

/// <summary>
/// Fetches the keys of issuers: no redirect is followed, no proxy asked, nothing larger than a set of keys read, nothing waited for longer
/// than the policy says, and no connection made to an address that is refused, whatever its name. Any thread.
/// </summary>
internal sealed class KeyFetcher : IDisposable
{
    private const int HeadKilobytesMax = 16;

    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    private readonly Func<IPAddress, bool> _isRefused;
    private readonly TimeProvider _time;
    private readonly HttpClient _client;

    /// <param name="isRefused">Which addresses keys are never fetched from.</param>
    /// <param name="time">By which time limits end.</param>
    public KeyFetcher(Func<IPAddress, bool> isRefused, TimeProvider time)
    {
        _isRefused = isRefused;
        _time = time;
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            MaxResponseHeadersLength = HeadKilobytesMax,

            // Minutes pass between two fetches: a connection is not kept that long.
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = ConnectAsync,
        })
        {
            MaxResponseContentBufferSize = JsonWebKeySet.TextBytesMax,
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <summary>Fetches the keys at a place.</summary>
    /// <returns>The keys, or a set with a problem.</returns>
    public async Task<JsonWebKeySet> FetchAsync(KeyLocation location, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(location.Timeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            string uri = location.IsDiscovered ? await DiscoverAsync(location.Uri, both.Token) : location.Uri;
            return JsonWebKeySet.Parse(await GetAsync(uri, both.Token));
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Failed($"Nothing came within {location.Timeout.TotalSeconds:0.###} s.");
        }
        catch (Exception exception) when (!cancellation.IsCancellationRequested)
        {
            // Whoever may write a policy names the place, and whoever is there answers: nothing of it is more than one place's failure.
            return Failed(exception.InnerException is KeyFetchException inner ? inner.Message : exception.Message);
        }
    }

    public void Dispose() => _client.Dispose();

    private static JsonWebKeySet Failed(string problem) => new([], [], problem);

    /// <summary>Asks the issuer where its keys are (OpenID Connect Discovery 1.0 §4).</summary>
    private async Task<string> DiscoverAsync(string issuer, CancellationToken cancellation)
    {
        byte[] answer = await GetAsync($"{issuer.TrimEnd('/')}/.well-known/openid-configuration", cancellation);
        try
        {
            using JsonDocument document = JsonDocument.Parse(answer, s_options);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || TextOf(root, "issuer") != issuer)
            {
                throw new KeyFetchException("The issuer's configuration is another issuer's.");
            }

            return TextOf(root, "jwks_uri") is { } uri
                && Uri.TryCreate(uri, UriKind.Absolute, out Uri? found)
                && found.Scheme is "http" or "https"
                ? uri
                : throw new KeyFetchException("The issuer's configuration does not say where its keys are.");
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw new KeyFetchException("The issuer's configuration is no JSON.");
        }
    }

    private static string? TextOf(JsonElement root, string name) =>
        root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private async Task<byte[]> GetAsync(string uri, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await _client.GetAsync(new Uri(uri), cancellation);
        return response.StatusCode == HttpStatusCode.OK
            ? await response.Content.ReadAsByteArrayAsync(cancellation)
            : throw new KeyFetchException($"The answer is {(int)response.StatusCode}.");
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        // The address that was looked at is the one that is connected to: a name may be answered otherwise the next time.
        IPAddress[] addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancellation);
        IPAddress[] allowed = [.. addresses.Where(address => !_isRefused(address))];
        if (allowed.Length == 0)
        {
            throw new KeyFetchException("Its address is one keys are never fetched from: loopback, link-local or a cloud's own.");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private sealed class KeyFetchException(string message) : Exception(message);
}
