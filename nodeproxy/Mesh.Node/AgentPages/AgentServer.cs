using System.Net;
using System.Net.Sockets;
using Mesh.Node.Capture.Agent;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mesh.Node.AgentPages;

/// <summary>The agent's port: <c>/livez</c>, <c>/readyz</c> and <c>/metrics</c>, to be read only. Kestrel by itself.</summary>
internal sealed class AgentServer : IAsyncDisposable
{
    private const int ConnectionsMax = 50;
    private const int RequestHeaderBytesMax = 8 * 1024;
    private static readonly TimeSpan s_headersTime = TimeSpan.FromSeconds(10);

    // Any pod can connect here: idle connections must not take the kubelet's place for long.
    private static readonly TimeSpan s_idleTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_stopTime = TimeSpan.FromSeconds(2);

    private readonly KestrelServer _server;
    private ListenOptions? _listen;

    private AgentServer(IPEndPoint endpoint)
    {
        KestrelServerOptions kestrel = new() { AddServerHeader = false, AllowSynchronousIO = false };
        kestrel.Limits.MaxConcurrentConnections = ConnectionsMax;
        kestrel.Limits.MaxRequestBodySize = 0;
        kestrel.Limits.MaxRequestHeadersTotalSize = RequestHeaderBytesMax;
        kestrel.Limits.RequestHeadersTimeout = s_headersTime;
        kestrel.Limits.KeepAliveTimeout = s_idleTime;
        if (endpoint.Address.Equals(IPAddress.IPv6Any))
        {
            kestrel.ListenAnyIP(endpoint.Port, Configure);
        }
        else
        {
            kestrel.Listen(endpoint, Configure);
        }

        SocketTransportFactory sockets =
            new(Options.Create(new SocketTransportOptions { IOQueueCount = 1 }), NullLoggerFactory.Instance);
        _server = new KestrelServer(Options.Create(kestrel), sockets, NullLoggerFactory.Instance);

        void Configure(ListenOptions listen)
        {
            listen.Protocols = HttpProtocols.Http1;
            _listen = listen;
        }
    }

    /// <summary>Where it really listens: what port 0 became.</summary>
    public IPEndPoint EndPoint => _listen!.IPEndPoint!;

    /// <exception cref="IOException">The port cannot be had; the message names it.</exception>
    public static async Task<AgentServer> StartAsync(IPEndPoint endpoint, NodeAgent agent, CancellationToken cancellation)
    {
        AgentServer server = new(endpoint);
        try
        {
            await server._server.StartAsync(new Application(agent), cancellation);
            return server;
        }
        catch (Exception refused) when (refused is IOException or SocketException)
        {
            await server.DisposeAsync();
            throw new IOException($"admin.agent: {endpoint} cannot be listened on: {refused.Message}", refused);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using CancellationTokenSource limit = new(s_stopTime);
        await _server.StopAsync(limit.Token);
        _server.Dispose();
    }

    private sealed class Application(NodeAgent agent) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public void DisposeContext(HttpContext context, Exception? exception)
        {
        }

        public Task ProcessRequestAsync(HttpContext context)
        {
            (int status, string text) = context.Request.Method == HttpMethods.Get || context.Request.Method == HttpMethods.Head
                ? Answer(context.Request.Path)
                : (StatusCodes.Status405MethodNotAllowed, "only read\n");
            context.Response.StatusCode = status;
            context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
            return context.Response.WriteAsync(text, context.RequestAborted);
        }

        private (int Status, string Text) Answer(string path)
        {
            switch (path)
            {
                case "/livez":
                    return agent.IsAlive ? (StatusCodes.Status200OK, "alive\n") : (StatusCodes.Status500InternalServerError, "stuck\n");
                case "/readyz":
                    IReadOnlyList<string> pending = agent.Pending;
                    return pending.Count == 0
                        ? (StatusCodes.Status200OK, "ready\n")
                        : (StatusCodes.Status503ServiceUnavailable, string.Concat(pending.Select(reason => reason + "\n")));
                case "/metrics":
                    return (StatusCodes.Status200OK, agent.WriteMetrics());
                default:
                    return (StatusCodes.Status404NotFound, "/livez, /readyz, /metrics\n");
            }
        }
    }
}
