using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Threading.Channels;
using Grpc.Core;
using Mesh.Api.Certificates;
using Mesh.Api.Discovery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Mesh.Node.Proxy.Tests.ControlPlane;

/// <summary>A control plane that does as the test says: HTTP/2 over TLS on loopback, discovery and certificates.</summary>
internal sealed class FakeControlPlane : IAsyncDisposable
{
    public const string ServerName = "mesh-control";

    private readonly WebApplication _app;
    private readonly X509Certificate2 _certificate;
    private readonly Channel<FakeDiscoveryStream> _streams = Channel.CreateUnbounded<FakeDiscoveryStream>();

    private FakeControlPlane(WebApplication app, X509Certificate2 certificate)
    {
        _app = app;
        _certificate = certificate;
    }

    public Uri Address { get; private set; } = new("https://localhost");

    /// <summary>What the certificate service answers; refuses everything until set.</summary>
    public Func<IstioCertificateRequest, Metadata, IstioCertificateResponse> Issue { get; set; } =
        (_, _) => throw new RpcException(new Status(StatusCode.PermissionDenied, "nothing is issued here"));

    public static async Task<FakeControlPlane> StartAsync(TestAuthority authority, string serverName = ServerName)
    {
        X509Certificate2 certificate = authority.CreateServer(serverName);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(options => options.Listen(IPAddress.Loopback, 0, listen =>
        {
            listen.Protocols = HttpProtocols.Http2;
            listen.UseHttps(certificate);
        }));
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = null);
        FakeControlPlane? self = null;
        builder.Services.AddSingleton(_ => self!);
        builder.Services.AddSingleton<DiscoveryService>();
        builder.Services.AddSingleton<CertificateService>();
        WebApplication app = builder.Build();
        app.MapGrpcService<DiscoveryService>();
        app.MapGrpcService<CertificateService>();
        self = new FakeControlPlane(app, certificate);
        await app.StartAsync();
        string address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        self.Address = new Uri(address);
        return self;
    }

    /// <summary>The next discovery stream a client opens.</summary>
    public async Task<FakeDiscoveryStream> NextStreamAsync() =>
        await _streams.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TestTime.Patience);

    /// <summary>True when a stream has been opened that nobody has taken.</summary>
    public bool HasStream => _streams.Reader.Count > 0;

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _certificate.Dispose();
    }

    private sealed class DiscoveryService(FakeControlPlane owner) : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
    {
        public override async Task DeltaAggregatedResources(
            IAsyncStreamReader<DeltaDiscoveryRequest> requestStream,
            IServerStreamWriter<DeltaDiscoveryResponse> responseStream,
            ServerCallContext context)
        {
            var stream = new FakeDiscoveryStream(responseStream, context.RequestHeaders);
            await owner._streams.Writer.WriteAsync(stream);
            await stream.RunAsync(requestStream, context.CancellationToken);
        }
    }

    private sealed class CertificateService(FakeControlPlane owner) : IstioCertificateService.IstioCertificateServiceBase
    {
        public override Task<IstioCertificateResponse> CreateCertificate(IstioCertificateRequest request, ServerCallContext context) =>
            Task.FromResult(owner.Issue(request, context.RequestHeaders));
    }
}

/// <summary>One discovery stream, from the server's side.</summary>
internal sealed class FakeDiscoveryStream(IServerStreamWriter<DeltaDiscoveryResponse> responses, Metadata headers)
{
    private readonly Channel<DeltaDiscoveryRequest> _requests = Channel.CreateUnbounded<DeltaDiscoveryRequest>();
    private readonly TaskCompletionSource<Status> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, DeltaDiscoveryRequest> _first = new();

    public string? Header(string name) => headers.GetValue(name);

    /// <summary>Reads the first request of each of this many types.</summary>
    public async Task<IReadOnlyDictionary<string, DeltaDiscoveryRequest>> ReadSubscriptionsAsync(int count = 5)
    {
        while (_first.Count < count)
        {
            DeltaDiscoveryRequest request = await ReadAsync();
            Assert.True(_first.TryAdd(request.TypeUrl, request), $"{request.TypeUrl} is subscribed to twice.");
        }

        return _first;
    }

    public async Task<DeltaDiscoveryRequest> ReadAsync() =>
        await _requests.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TestTime.Patience);

    public Task SendAsync(DeltaDiscoveryResponse response) => responses.WriteAsync(response);

    /// <summary>Sends a response and reads what the client says to it.</summary>
    public async Task<DeltaDiscoveryRequest> ExchangeAsync(DeltaDiscoveryResponse response)
    {
        await SendAsync(response);
        return await ReadAsync();
    }

    public void End(StatusCode status = StatusCode.OK) => _end.TrySetResult(new Status(status, "as the test wants"));

    internal async Task RunAsync(IAsyncStreamReader<DeltaDiscoveryRequest> requests, CancellationToken cancellation)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task reading = ReadAllAsync(requests, over.Token);
        if (await Task.WhenAny(_end.Task, reading) == reading)
        {
            return;
        }

        // The server uses a stream's buffers again for the next: a read left behind would take that one's requests.
        await over.CancelAsync();
        await reading;
        Status status = await _end.Task;
        if (status.StatusCode != StatusCode.OK)
        {
            throw new RpcException(status);
        }
    }

    private async Task ReadAllAsync(IAsyncStreamReader<DeltaDiscoveryRequest> requests, CancellationToken cancellation)
    {
        try
        {
            await foreach (DeltaDiscoveryRequest request in requests.ReadAllAsync(cancellation))
            {
                await _requests.Writer.WriteAsync(request, cancellation);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The client went away: that is what some tests are about.
        }
    }
}
