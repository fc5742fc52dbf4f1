using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Control.Cluster;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Mesh.Control.Hosting;

/// <summary>The port the API server asks on whether objects may be written: HTTPS, with the certificate of the serving port.</summary>
internal static class AdmissionServer
{
    private const int ReviewBytesMax = 8 * 1_024 * 1_024;
    private const int ConnectionCountMax = 256;
    private static readonly TimeSpan s_handshakeTimeout = TimeSpan.FromSeconds(10);

    public static WebApplication Build(IPEndPoint listen, ServerCertificate certificate, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = BareApplication.CreateBuilder();
        builder.Services.AddSingleton(loggers);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = ConnectionCountMax;
            kestrel.Limits.MaxRequestBodySize = ReviewBytesMax;
            kestrel.Listen(listen, endpoint =>
            {
                endpoint.Protocols = HttpProtocols.Http1AndHttp2;
                endpoint.UseHttps(new TlsHandshakeCallbackOptions
                {
                    HandshakeTimeout = s_handshakeTimeout,
                    OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
                    {
                        ServerCertificateContext = certificate.Current,
                        EnabledSslProtocols = SslProtocols.Tls13,
                        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
                        AllowRenegotiation = false,
                        ClientCertificateRequired = false,
                    }),
                });
            });
        });
        WebApplication application = builder.Build();
        application.MapPost("/validate", AnswerAsync);
        return application;
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        try
        {
            JsonNode? review = await JsonNode.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
            JsonObject answer = AdmissionReviews.Answer(review as JsonObject ?? throw new FormatException("An object is expected."));
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(answer.ToJsonString(), context.RequestAborted);
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await context.Response.WriteAsync(exception.Message, context.RequestAborted);
        }
    }
}
