using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Mesh.Control.Configuration;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Mesh.Control.Hosting;

/// <summary>
/// The port the API server asks on whether objects may be written: HTTPS, with the certificate of the serving port. It cannot tell the API
/// server from any other that reaches it, so all that one may ask of it is bounded.
/// </summary>
internal static class AdmissionServer
{
    // An object is 1.5 MiB at most where it is stored, and a change brings two: as it was and as it will be.
    private const int ReviewBytesMax = 3 * 1_024 * 1_024;

    private const int ConnectionCountMax = 32;
    private const double BodyBytesPerSecondMin = 512 * 1_024;
    private static readonly TimeSpan s_handshakeTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_headersTimeout = TimeSpan.FromSeconds(5);

    // As long as the API server waits for the answer (timeoutSeconds of the webhook). At this rate the longest body takes little more.
    private static readonly TimeSpan s_bodyGracePeriod = TimeSpan.FromSeconds(5);

    public static WebApplication Build(
        IPEndPoint listen, ServerCertificate certificate, ConfigurationAnalysis analysis, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = BareApplication.CreateBuilder();
        builder.Services.AddSingleton(loggers);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = ConnectionCountMax;
            kestrel.Limits.MaxRequestBodySize = ReviewBytesMax;
            kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(BodyBytesPerSecondMin, s_bodyGracePeriod);
            kestrel.Limits.RequestHeadersTimeout = s_headersTimeout;
            kestrel.Listen(listen, endpoint =>
            {
                // One request of a connection at a time.
                endpoint.Protocols = HttpProtocols.Http1;
                endpoint.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = s_handshakeTimeout,
                    OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
                    {
                        ServerCertificateContext = certificate.Current,
                        EnabledSslProtocols = SslProtocols.Tls13,
                        ApplicationProtocols = [SslApplicationProtocol.Http11],
                        AllowRenegotiation = false,
                        ClientCertificateRequired = false,
                    }),
                });
            });
        });
        WebApplication application = builder.Build();
        application.MapPost("/validate", new AdmissionRequests(analysis.Complete).AnswerAsync);
        return application;
    }
}
