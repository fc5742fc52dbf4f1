using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Config;

/// <summary>
/// The way to the control plane: gRPC over TLS, the server verified against the root file and its name, this node by a bearer token. The
/// root file is read before each call and the channel made anew when it changed; an unreadable file leaves the channel as it was.
/// </summary>
/// <remarks>
/// Any thread. Owns the channel; calls still open on a channel that is replaced end and are made again by whoever made them.
/// </remarks>
public sealed partial class ControlPlaneChannel : IDisposable
{
    /// <summary>A whole mesh comes in one message at the first connection.</summary>
    private const int ReceiveBytesMax = 200 * 1024 * 1024;

    private const long RootFileBytesMax = 1024 * 1024;
    private const long TokenFileBytesMax = 64 * 1024;

    // As istiod's clients: a silent path is noticed within 40 s.
    private static readonly TimeSpan s_pingDelay = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_pingTimeout = TimeSpan.FromSeconds(10);

    private readonly ControlPlaneOptions _options;
    private readonly string _cluster;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();

    // Under the gate.
    private GrpcChannel? _channel;
    private byte[] _rootsInUse = [];
    private bool _isDisposed;

    public ControlPlaneChannel(ControlPlaneOptions options, string cluster, ILogger<ControlPlaneChannel> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Address.Scheme != Uri.UriSchemeHttps)
        {
            throw new ArgumentException(
                $"The control plane's address {options.Address} must begin with https: a token is sent there.", nameof(options));
        }

        _options = options;
        _cluster = cluster;
        _logger = logger;
    }

    /// <summary>Where the control plane is, as people write it: host and port.</summary>
    public string Authority => _options.Address.Authority;

    /// <summary>A call invoker on a channel that trusts what the root file now says.</summary>
    /// <exception cref="IOException">The root file cannot be read and no earlier one was.</exception>
    /// <exception cref="CryptographicException">The root file has no certificate and no earlier one had.</exception>
    internal async Task<CallInvoker> OpenAsync(CancellationToken cancellation)
    {
        try
        {
            byte[] roots = await ReadLimitedAsync(_options.RootCertificateFile, RootFileBytesMax, cancellation);
            return Use(roots).CreateCallInvoker();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            if (Existing() is not GrpcChannel existing)
            {
                throw;
            }

            RootFileUnusable(_logger, _options.RootCertificateFile, exception.Message);
            return existing.CreateCallInvoker();
        }
    }

    /// <summary>What every call carries, the token read from its file now.</summary>
    /// <exception cref="IOException">The token file cannot be read or is empty.</exception>
    internal async Task<Metadata> AuthorizeAsync(CancellationToken cancellation)
    {
        byte[] bytes = await ReadLimitedAsync(_options.TokenFile, TokenFileBytesMax, cancellation);
        string token = System.Text.Encoding.Latin1.GetString(bytes).Trim();
        if (token.Length == 0 || token.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new IOException($"{_options.TokenFile} holds no token: one line of printable characters is expected.");
        }

        return new Metadata
        {
            { "authorization", new AuthenticationHeaderValue("Bearer", token).ToString() },
            { "clusterid", _cluster },
        };
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _channel?.Dispose();
            _channel = null;
        }
    }

    private GrpcChannel? Existing()
    {
        lock (_gate)
        {
            return _channel;
        }
    }

    private GrpcChannel Use(byte[] roots)
    {
        GrpcChannel? replaced;
        GrpcChannel channel;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_channel is not null && roots.AsSpan().SequenceEqual(_rootsInUse))
            {
                return _channel;
            }

            channel = Create(roots);
            replaced = _channel;
            _channel = channel;
            _rootsInUse = roots;
        }

        if (replaced is not null)
        {
            RootsReplaced(_logger, _options.RootCertificateFile);
            replaced.Dispose();
        }

        return channel;
    }

    private GrpcChannel Create(byte[] rootsPem)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,

            // The control plane's certificates are short-lived and its revocation lists concern workloads.
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.ImportFromPem(System.Text.Encoding.ASCII.GetString(rootsPem));
        if (policy.CustomTrustStore.Count == 0)
        {
            throw new CryptographicException($"{_options.RootCertificateFile} holds no PEM certificate.");
        }

        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy },
            ConnectCallback = DialAsync,
            ConnectTimeout = TimeSpan.FromSeconds(_options.ConnectTimeoutSeconds),
            KeepAlivePingDelay = s_pingDelay,
            KeepAlivePingTimeout = s_pingTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(5),

            // Nothing but this address is ever spoken to.
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            AutomaticDecompression = DecompressionMethods.None,
        };

        // The host of the channel's address is the name the certificate is checked for; where it really is, DialAsync knows.
        Uri name = new UriBuilder(Uri.UriSchemeHttps, _options.ServerName ?? _options.Address.IdnHost, _options.Address.Port).Uri;
        return GrpcChannel.ForAddress(name, new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = ReceiveBytesMax,
            ThrowOperationCanceledOnCancellation = true,
        });
    }

    private async ValueTask<Stream> DialAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new DnsEndPoint(_options.Address.IdnHost, _options.Address.Port), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<byte[]> ReadLimitedAsync(string path, long bytesMax, CancellationToken cancellation)
    {
        await using var file = new FileStream(
            path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 4_096, useAsync: true);
        if (file.Length > bytesMax)
        {
            throw new IOException($"{path} has {file.Length} bytes; at most {bytesMax} are read.");
        }

        byte[] bytes = new byte[file.Length];
        await file.ReadExactlyAsync(bytes, cancellation);
        return bytes;
    }

    [LoggerMessage(EventId = 1211, Level = LogLevel.Warning,
        Message = "The roots in {File} are unusable, so those read before stay: {Reason}")]
    private static partial void RootFileUnusable(ILogger logger, string file, string reason);

    [LoggerMessage(EventId = 1212, Level = LogLevel.Information,
        Message = "The roots in {File} changed; connecting to the control plane anew.")]
    private static partial void RootsReplaced(ILogger logger, string file);
}
