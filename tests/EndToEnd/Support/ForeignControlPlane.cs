using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using Grpc.Net.Client;
using Mesh.Api.Certificates;
using Mesh.Api.Discovery;
using Mesh.Api.Workload;
using Mesh.Interop.Linux;
using Mesh.Testing.Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// A control plane that says what the mesh's own never does: it stands between the proxies and the mesh's own, in the same place, passes
/// everything on, and changes workloads and services on the way to the proxies.
/// </summary>
internal sealed class ForeignControlPlane : IAsyncDisposable
{
    private const string ServerName = "mesh-control";

    private readonly WebApplication _application;
    private readonly X509Certificate2 _certificate;
    private readonly GrpcChannel _channel;

    private ForeignControlPlane(WebApplication application, X509Certificate2 certificate, GrpcChannel channel)
    {
        (_application, _certificate, _channel) = (application, certificate, channel);
    }

    /// <param name="place">The namespace of the mesh's own control plane.</param>
    /// <param name="listen">Where the proxies look for theirs.</param>
    /// <param name="own">Where the mesh's own is.</param>
    /// <param name="root">The root of the mesh: issues the certificate shown to the proxies, and is behind the other's.</param>
    /// <param name="change">Changes a resource in place, or leaves it as it is.</param>
    public static async Task<ForeignControlPlane> StartAsync(
        NetNamespace place, IPEndPoint listen, IPEndPoint own, TestCa root, Action<Address> change)
    {
        GrpcChannel channel = Connect(place, own, root.CertificatePem);
        X509Certificate2 certificate = IssueServer(root);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseSockets(sockets => sockets.CreateBoundListenSocket = endpoint => place.Run((IPEndPoint)endpoint, Bind));
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(listen, at =>
        {
            at.Protocols = HttpProtocols.Http2;
            at.UseHttps(certificate);
        }));
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = null);
        builder.Services.AddSingleton(new Discovery(channel, change));
        builder.Services.AddSingleton(new Certificates(channel));
        WebApplication application = builder.Build();
        application.MapGrpcService<Discovery>();
        application.MapGrpcService<Certificates>();
        await application.StartAsync();
        return new ForeignControlPlane(application, certificate, channel);
    }

    public async ValueTask DisposeAsync()
    {
        // Its streams never end by themselves.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _application.StopAsync(now.Token);
        await _application.DisposeAsync();
        _channel.Dispose();
        _certificate.Dispose();
    }

    private static Socket Bind(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(endPoint);
        return socket;
    }

    private static X509Certificate2 IssueServer(TestCa root)
    {
        TestCertificate issued = root.Issue("", new TestCertificateOptions { WithoutUri = true, DnsNames = [ServerName] });
        using var pem = X509Certificate2.CreateFromPem(issued.ChainPem, issued.PrivateKeyPem);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    }

    private static GrpcChannel Connect(NetNamespace place, IPEndPoint own, string rootPem)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.ImportFromPem(rootPem);
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy },
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = place.Run(own, static to => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
                await socket.ConnectAsync(own, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        return GrpcChannel.ForAddress(
            $"https://{ServerName}", new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true, MaxReceiveMessageSize = null });
    }

    /// <summary>Who asks is between the proxy and the mesh's own control plane.</summary>
    private static Metadata Credentials(ServerCallContext context)
    {
        var headers = new Metadata();
        foreach (Metadata.Entry entry in context.RequestHeaders.Where(entry => entry.Key is "authorization" or "clusterid"))
        {
            headers.Add(entry);
        }

        return headers;
    }

    private sealed class Certificates(GrpcChannel channel) : IstioCertificateService.IstioCertificateServiceBase
    {
        public override async Task<IstioCertificateResponse> CreateCertificate(IstioCertificateRequest request, ServerCallContext context)
        {
            var own = new IstioCertificateService.IstioCertificateServiceClient(channel);
            return await own.CreateCertificateAsync(request, Credentials(context), cancellationToken: context.CancellationToken);
        }
    }

    private sealed class Discovery(GrpcChannel channel, Action<Address> change)
        : AggregatedDiscoveryService.AggregatedDiscoveryServiceBase
    {
        public override async Task DeltaAggregatedResources(
            IAsyncStreamReader<DeltaDiscoveryRequest> requests,
            IServerStreamWriter<DeltaDiscoveryResponse> responses,
            ServerCallContext context)
        {
            var own = new AggregatedDiscoveryService.AggregatedDiscoveryServiceClient(channel);
            CancellationToken cancellation = context.CancellationToken;
            using AsyncDuplexStreamingCall<DeltaDiscoveryRequest, DeltaDiscoveryResponse> call =
                own.DeltaAggregatedResources(Credentials(context), cancellationToken: cancellation);
            Task asking = AskAsync(requests, call.RequestStream, cancellation);
            await foreach (DeltaDiscoveryResponse response in call.ResponseStream.ReadAllAsync(cancellation))
            {
                foreach (Resource resource in response.Resources.Where(resource => resource.Resource_.Is(Address.Descriptor)))
                {
                    Address address = resource.Resource_.Unpack<Address>();
                    change(address);
                    resource.Resource_ = Google.Protobuf.WellKnownTypes.Any.Pack(address);
                }

                await responses.WriteAsync(response, cancellation);
            }

            await asking;
        }

        private static async Task AskAsync(
            IAsyncStreamReader<DeltaDiscoveryRequest> requests,
            IClientStreamWriter<DeltaDiscoveryRequest> own,
            CancellationToken cancellation)
        {
            await foreach (DeltaDiscoveryRequest request in requests.ReadAllAsync(cancellation))
            {
                await own.WriteAsync(request, cancellation);
            }

            await own.CompleteAsync();
        }
    }
}
