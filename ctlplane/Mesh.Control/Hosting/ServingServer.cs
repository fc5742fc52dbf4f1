using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Serving.Xds;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Mesh.Control.Hosting;

/// <summary>The port proxies use: HTTP/2 over TLS 1.3 and nothing else, every call with a token.</summary>
internal static class ServingServer
{
    /// <summary>A proxy that reconnects names everything it holds: 100,000 workloads fit.</summary>
    private const int DiscoveryMessageBytesMax = 16 * 1_024 * 1_024;

    private const int CertificateMessageBytesMax = 64 * 1_024;
    private const int ConnectionCountMax = 10_000;
    private const int StreamsPerConnectionMax = 100;
    private static readonly TimeSpan s_handshakeTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_keepAliveInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_keepAliveTimeout = TimeSpan.FromSeconds(10);

    public static WebApplication Build(
        IPEndPoint listen,
        ServerCertificate certificate,
        JoinTokens tokens,
        INodeTokens? otherTokens,
        NodeRateLimits limits,
        CertificateAuthority authority,
        IPlacementReader placement,
        ResourceStore store,
        ProxyRegistry registry,
        TimeProvider time,
        ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = BareApplication.CreateBuilder();
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton(tokens);
        if (otherTokens is not null)
        {
            builder.Services.AddSingleton(otherTokens);
        }

        builder.Services.AddSingleton(limits);
        builder.Services.AddSingleton(authority);
        builder.Services.AddSingleton(placement);
        builder.Services.AddSingleton(store);
        builder.Services.AddSingleton(registry);
        builder.Services.AddSingleton(time);
        builder.Services.AddSingleton<DiscoveryService>();
        builder.Services.AddSingleton<CertificateService>();
        builder.Services.AddGrpc(options =>
        {
            options.EnableDetailedErrors = false;
            options.MaxSendMessageSize = null;
        })
            .AddServiceOptions<DiscoveryService>(options => options.MaxReceiveMessageSize = DiscoveryMessageBytesMax)
            .AddServiceOptions<CertificateService>(options => options.MaxReceiveMessageSize = CertificateMessageBytesMax);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = ConnectionCountMax;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.Http2.MaxStreamsPerConnection = StreamsPerConnectionMax;
            kestrel.Limits.Http2.KeepAlivePingDelay = s_keepAliveInterval;
            kestrel.Limits.Http2.KeepAlivePingTimeout = s_keepAliveTimeout;
            kestrel.Listen(listen, endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http2;
                endpoint.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = s_handshakeTimeout,
                    OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
                    {
                        ServerCertificateContext = certificate.Current,
                        EnabledSslProtocols = SslProtocols.Tls13,
                        ApplicationProtocols = [SslApplicationProtocol.Http2],
                        AllowRenegotiation = false,
                        ClientCertificateRequired = false,
                    }),
                });
            });
        });

        WebApplication application = builder.Build();
        application.UseMiddleware<NodeAuthentication>();
        application.MapGrpcService<DiscoveryService>();
        application.MapGrpcService<CertificateService>();
        return application;
    }

    /// <summary>Where a started server really listens: the port may have been left to the kernel.</summary>
    public static IPEndPoint EndPointOf(WebApplication application)
    {
        string address = application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        var uri = new Uri(address.Replace("[::]", "[::1]", StringComparison.Ordinal));
        return new IPEndPoint(IPAddress.TryParse(uri.Host.Trim('[', ']'), out IPAddress? ip) ? ip : IPAddress.Loopback, uri.Port);
    }
}
