using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Grpc.Net.Client;
using Mesh.Control.Commands;
using Mesh.Control.Hosting;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.State;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Mesh.Control.Tests.Support;

/// <summary>A real control plane in this process: real files, real TLS, real ports of the loopback interface.</summary>
internal sealed class TestControlPlane : IAsyncDisposable
{
    private readonly ScratchDirectory _directory = new();
    private readonly List<IDisposable> _owned = [];
    private readonly HttpClient _admin = new();
    private ControlPlane? _controlPlane;

    public TestControlPlane()
    {
        Directory.CreateDirectory(_directory["config"]);
        State = new StateDirectory(_directory["state"], TimeProvider.System);
    }

    public StateDirectory State { get; }

    public ScratchDirectory Directories => _directory;

    public IPEndPoint EndPoint => _controlPlane!.ServingEndPoint;

    public IPEndPoint AdminEndPoint => _controlPlane!.AdminEndPoint;

    public IPEndPoint WebhookEndPoint => _controlPlane!.WebhookEndPoint;

    /// <summary>Options a test may change before <see cref="StartAsync"/>.</summary>
    public TimeSpan WorkloadLifetime { get; init; } = TimeSpan.FromHours(1);

    public SuppliedAuthorityOptions? SuppliedAuthority { get; set; }

    public Uri? OtlpEndpoint { get; init; }

    public bool AllowsEmpty { get; init; }

    /// <summary>Where the configuration is read instead of the files.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>Whether it is one of several replicas.</summary>
    public bool IsWriting { get; init; }

    /// <summary>Whether it validates objects before they are written.</summary>
    public bool HasWebhook { get; init; }

    public IReadOnlyList<string> ServerNames { get; init; } = [];

    public void Write(string file, string text) => _directory.Write($"config/{file}", text);

    public void Delete(string file) => File.Delete(_directory[$"config/{file}"]);

    public async Task StartAsync()
    {
        _controlPlane = await ControlPlane.StartAsync(
            new ServeOptions
            {
                ConfigDirectory = Kubeconfig is null ? _directory["config"] : null,
                Kubernetes = Kubeconfig is null ? null : new KubernetesOptions(Kubeconfig, Context: null),
                IsWriting = IsWriting,
                Webhook = HasWebhook ? new IPEndPoint(IPAddress.Loopback, 0) : null,
                StateDirectory = _directory["state"],
                Listen = new IPEndPoint(IPAddress.Loopback, 0),
                Admin = new IPEndPoint(IPAddress.Loopback, 0),
                WorkloadLifetime = WorkloadLifetime,
                SuppliedAuthority = SuppliedAuthority,
                OtlpEndpoint = OtlpEndpoint,
                AllowsEmpty = AllowsEmpty,
                ServerNames = ServerNames,
                LogLevel = LogLevel.Error,
            },
            TimeProvider.System,
            TestContext.Current.CancellationToken);
    }

    public async Task StopAsync()
    {
        if (_controlPlane is not null)
        {
            await _controlPlane.DisposeAsync();
            _controlPlane = null;
        }
    }

    public Task<string> CreateTokenAsync(string node) =>
        JoinTokenFile.CreateAsync(State, node, replace: true, TimeProvider.System.GetUtcNow(), TestContext.Current.CancellationToken);

    /// <summary>To trust what the root file says and nothing else.</summary>
    public X509ChainPolicy TrustPolicy()
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.ImportFromPemFile(State.RootCertificateFile);
        return policy;
    }

    /// <summary>A channel that verifies the server as a proxy does: by the root file and the expected name.</summary>
    public GrpcChannel Connect(string serverName = "mesh-control")
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = TrustPolicy(), TargetHost = serverName },
        };
        var options = new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = null };
        var channel = GrpcChannel.ForAddress($"https://{EndPoint}", options);
        _owned.Add(channel);
        return channel;
    }

    /// <summary>A client that verifies the port that validates as the API server does.</summary>
    public HttpClient ConnectToWebhook(string serverName)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = TrustPolicy(), TargetHost = serverName },
        };
        return new HttpClient(handler) { BaseAddress = new Uri($"https://{WebhookEndPoint}") };
    }

    /// <summary>Opens a discovery stream as the proxy of a node.</summary>
    public DiscoveryClient Discover(string node, string token)
    {
        var client = new DiscoveryClient(Connect(), node, token);
        _owned.Add(client);
        return client;
    }

    public async Task<(HttpStatusCode Status, string Body)> AdminAsync(string path)
    {
        using HttpResponseMessage response = await _admin.GetAsync(
            new Uri($"http://{_controlPlane!.AdminEndPoint}{path}"), TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    public async Task<JsonElement> AdminJsonAsync(string path) => JsonDocument.Parse((await AdminAsync(path)).Body).RootElement;

    public Task WaitUntilReadyAsync() =>
        Eventually.TrueAsync(async () => (await AdminAsync("/healthz/ready")).Status == HttpStatusCode.OK, "ready");

    public async ValueTask DisposeAsync()
    {
        foreach (IDisposable owned in Enumerable.Reverse(_owned))
        {
            owned.Dispose();
        }

        await StopAsync();
        _admin.Dispose();
        _directory.Dispose();
    }
}
