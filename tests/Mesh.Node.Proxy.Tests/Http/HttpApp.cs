using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing.Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>An application of a pod that speaks HTTP, on a server the proxy's author did not write.</summary>
internal sealed class HttpApp : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentQueue<string> _requests = new();

    private HttpApp(WebApplication app) => _app = app;

    /// <summary>What came, one line each: method, target and host.</summary>
    public IReadOnlyCollection<string> Requests => _requests;

    /// <summary>Starts a server in a pod.</summary>
    /// <param name="pod">Whose application it is.</param>
    /// <param name="port">Where it listens.</param>
    /// <param name="answer">What it answers.</param>
    /// <param name="protocols">What it speaks.</param>
    /// <param name="configure">What comes before the answer.</param>
    /// <param name="certificate">In TLS, with this; in plain without.</param>
    public static async Task<HttpApp> StartAsync(
        LabPod pod,
        int port,
        RequestDelegate answer,
        HttpProtocols protocols = HttpProtocols.Http1,
        Action<WebApplication>? configure = null,
        TestCertificate? certificate = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(options =>
        {
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Listen(IPAddress.Any, port, listen =>
            {
                listen.Protocols = protocols;
                if (certificate is not null)
                {
                    listen.UseHttps(X509Certificate2.CreateFromPem(certificate.ChainPem, certificate.PrivateKeyPem));
                }
            });
        });
        builder.Services.Configure<Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets.SocketTransportOptions>(
            options => options.CreateBoundListenSocket = _ =>
            {
                Socket listener = pod.Listen(port);
                return listener;
            });
        WebApplication app = builder.Build();
        var server = new HttpApp(app);
        configure?.Invoke(app);
        app.Run(context =>
        {
            server._requests.Enqueue(
                $"{context.Request.Method} {context.Request.Path}{context.Request.QueryString} {context.Request.Host}");
            return answer(context);
        });
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
