using Mesh.Lab;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Mesh.EndToEnd.Support;

/// <summary>An HTTP application of a pod, on a server that is not ours. It belongs to the test and ends with it.</summary>
internal sealed class WebServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private long _requests;

    private WebServer(WebApplication app) => _app = app;

    /// <summary>How many requests have come.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <param name="pod">Where it listens.</param>
    /// <param name="port">Likewise.</param>
    /// <param name="answer">What it does with a request.</param>
    /// <param name="protocols">What it speaks, without TLS.</param>
    public static async Task<WebServer> StartAsync(
        LabPod pod, int port, RequestDelegate answer, HttpProtocols protocols = HttpProtocols.Http1)
    {
        System.Net.Sockets.Socket listener = await pod.ListenAsync(port, backlog: 4_096);
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
            options.ListenAnyIP(port, listen => listen.Protocols = protocols);
        });
        builder.Services.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket = _ => listener);
        WebApplication app = builder.Build();
        var server = new WebServer(app);
        app.Run(context =>
        {
            Interlocked.Increment(ref server._requests);
            return answer(context);
        });
        await app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        // What a test has left open is not waited for.
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}
