using System.Net;
using System.Net.Sockets;
using Mesh.Node.Proxy.Succession;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Serves the admin, metrics and readiness ports: Kestrel by itself, without a host or a container.</summary>
/// <remarks>
/// Runs on the thread pool and never on a loop; what it needs of loops it asks for and waits a limited time. Each port answers its own
/// paths only, so that what is open to scrapers shows no configuration.
/// </remarks>
public sealed partial class AdminServer : IAsyncDisposable
{
    private const int ConnectionsMax = 100;
    private const int RequestBodyBytesMax = 4 * 1024;
    private const int RequestHeaderBytesMax = 16 * 1024;
    private static readonly TimeSpan s_headersTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_stopTime = TimeSpan.FromSeconds(2);

    private readonly KestrelServer _server;
    private readonly Application _application;
    private readonly Dictionary<string, ListenOptions> _listens = [];
    private int _stopped;

    private AdminServer(AdminOptions options, AdminSources sources)
    {
        KestrelServerOptions kestrel = new()
        {
            AddServerHeader = false,
            AllowSynchronousIO = false,
        };
        kestrel.Limits.MaxConcurrentConnections = ConnectionsMax;
        kestrel.Limits.MaxRequestBodySize = RequestBodyBytesMax;
        kestrel.Limits.MaxRequestHeadersTotalSize = RequestHeaderBytesMax;
        kestrel.Limits.RequestHeadersTimeout = s_headersTime;
        Listen("address", options.Address, new AdminPages(sources));
        Listen("metrics", options.Metrics, new MetricsPages(sources.Telemetry));
        Listen("readiness", options.Readiness, new ReadinessPages(sources.Telemetry, sources.Readiness));

        // Kestrel speaks of every request of a scanner; what matters of it comes as an exception or in an answer.
        ILoggerFactory quiet = NullLoggerFactory.Instance;
        SocketTransportFactory sockets = new(Options.Create(new SocketTransportOptions { IOQueueCount = 1 }), quiet);
        _server = new KestrelServer(Options.Create(kestrel), sockets, quiet);
        _application = new Application(sources.Telemetry.Loggers.CreateLogger(typeof(AdminServer).FullName!));

        void Listen(string key, string text, Pages pages)
        {
            if (AdminOptions.Parse(key, text) is IPEndPoint endpoint)
            {
                Action<ListenOptions> configure = listen =>
                {
                    listen.Protocols = HttpProtocols.Http1;
                    listen.Use(next => connection =>
                    {
                        connection.Items[typeof(Pages)] = pages;
                        return next(connection);
                    });
                    _listens.Add(key, listen);
                };
                if (endpoint.Address.Equals(IPAddress.IPv6Any))
                {
                    // Both families, and IPv4 alone on a machine that has no other.
                    kestrel.ListenAnyIP(endpoint.Port, configure);
                }
                else
                {
                    kestrel.Listen(endpoint, configure);
                }
            }
        }
    }

    /// <summary>Where a port really is, by its key of <see cref="AdminOptions"/>: what port 0 became.</summary>
    public IPEndPoint EndPointOf(string key) => _listens[key].IPEndPoint!;

    /// <summary>Binds the ports and serves them.</summary>
    /// <param name="options">Which ports.</param>
    /// <param name="sources">What they show.</param>
    /// <param name="holder">Who may have them and is then asked for them; null for nobody.</param>
    /// <param name="cancellation">Ends the start. Once started, only <see cref="DisposeAsync"/> stops it.</param>
    /// <exception cref="FormatException">An address is malformed; the message names its key.</exception>
    /// <exception cref="IOException">
    /// A port is taken, and was not released; the message names it. Or an address is not one of this machine, or a port not for this user.
    /// </exception>
    public static async Task<AdminServer> StartAsync(
        AdminOptions options, AdminSources sources, IPortHolder? holder, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(sources);
        try
        {
            return await StartAsync(options, sources, cancellation);
        }
        catch (IOException taken) when (taken.InnerException is AddressInUseException && holder is not null && holder.TryReleasePorts())
        {
            return await StartAsync(options, sources, cancellation);
        }
    }

    /// <summary>Stops serving, the first time; a request under way has a moment to end. Any thread.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _stopped, 1) != 0)
        {
            return;
        }

        using CancellationTokenSource limit = new(s_stopTime);
        await _server.StopAsync(limit.Token);
        _server.Dispose();
    }

    private static async Task<AdminServer> StartAsync(AdminOptions options, AdminSources sources, CancellationToken cancellation)
    {
        AdminServer server = new(options, sources);
        try
        {
            await server._server.StartAsync(server._application, cancellation);
            return server;
        }
        catch (SocketException refused)
        {
            await server.DisposeAsync();
            string endPoints = string.Join(", ", server._listens.Values.Select(listen => listen.IPEndPoint));
            throw new IOException($"not all of the admin ports {endPoints} can be opened: {refused.Message}", refused);
        }
        catch
        {
            // Ports before the one that is taken are bound by now.
            await server.DisposeAsync();
            throw;
        }
    }

    private sealed partial class Application(ILogger logger) : IHttpApplication<HttpContext>
    {
        public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

        public void DisposeContext(HttpContext context, Exception? exception)
        {
        }

        public async Task ProcessRequestAsync(HttpContext context)
        {
            Pages pages = (Pages)context.Features.GetRequiredFeature<IConnectionItemsFeature>().Items[typeof(Pages)]!;
            try
            {
                await pages.AnswerAsync(context);
            }
            catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
            {
                // Whoever asked is gone.
            }
            catch (Exception fault) when (!context.Response.HasStarted)
            {
                Failed(logger, context.Request.Path, fault);
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            }
        }

        [LoggerMessage(Level = LogLevel.Error, Message = "The admin page {Path} failed.")]
        private static partial void Failed(ILogger logger, string path, Exception fault);
    }
}
