using System.Net;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Inbound;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Connections;

namespace Mesh.Node.Proxy.Http.Inbound;

/// <summary>
/// Serves the requests that come to an application of a pod on one connection: each is judged, and given to the application over a
/// connection of the client's own. Lives on one loop.
/// </summary>
internal sealed class InboundServer : IRequestServer, IUpstreamDialer
{
    private static readonly ConnectionOptions s_options = new();

    private readonly LoopContext _context;
    private readonly Workload _destination;
    private readonly UpstreamKey _key;

    // The one that was used last: a connection seldom speaks two versions.
    private UpstreamGroup? _application;

    // As many as the client ever had under way at once.
    private readonly Stack<InboundExchange> _free = new();
    private TcpChannel? _adopted;

    /// <param name="context">The loop.</param>
    /// <param name="pod">Whose application it is.</param>
    /// <param name="connection">What is known of the connection: its parties are those of its requests.</param>
    /// <param name="gate">What every request must pass.</param>
    /// <param name="destination">The application's workload.</param>
    /// <param name="target">The application's address and port.</param>
    public InboundServer(
        LoopContext context, EnrolledPod pod, ConnectionRecord connection, RequestGate gate, Workload destination, IPEndPoint target)
    {
        _context = context;
        Pod = pod;
        _destination = destination;
        Connection = connection;
        Gate = gate;
        _key = new UpstreamKey(
            "",
            destination.Uid,
            target.Address,
            (ushort)target.Port,
            connection.SourceIdentity,
            connection.Client.Address,
            IsOnNode: true,
            IsHttp2: false);
    }

    /// <summary>Whose application it is.</summary>
    public EnrolledPod Pod { get; }

    /// <summary>What is known of the connection.</summary>
    public ConnectionRecord Connection { get; }

    /// <summary>What every request must pass.</summary>
    public RequestGate Gate { get; }

    /// <summary>The application's port.</summary>
    public int Port => _key.Port;

    /// <summary>The loop.</summary>
    public LoopContext Context => _context;

    /// <inheritdoc/>
    public string? Refusal { get; private set; }

    /// <summary>Takes a connection to the application that was made already: the next that is needed.</summary>
    /// <param name="application">Nobody has read from it or written to it.</param>
    /// <param name="isHttp2">The version the client begins with. Where a connection is kept in it, this one is let go.</param>
    public void Adopt(TcpChannel application, bool isHttp2)
    {
        _adopted = application;
        if (ApplicationBy(isHttp2).HasRoom)
        {
            LetGo();
        }
    }

    /// <summary>
    /// Whether a connection that has waited is as good as a new one: the application may have ended it. Only a server of HTTP/2 says
    /// something before it is asked.
    /// </summary>
    private static bool IsFresh(TcpChannel application, bool isHttp2) =>
        !application.IsClosed
        && !application.IsPeerFinished
        && (isHttp2 ? ServerGreeting.MayBeSettings(application) : !application.MayRead);

    /// <summary>Lets go of what was adopted and not needed.</summary>
    public void LetGo()
    {
        _adopted?.Reset();
        _adopted = null;
    }

    /// <summary>Has a connection to the application made, or finds one kept, before the client is told that it may ask.</summary>
    /// <param name="isHttp2">The version the client is known to begin with: the application is spoken to in no other.</param>
    /// <returns>Why there is none; null when there is one.</returns>
    public async ValueTask<DialResult?> PrepareAsync(bool isHttp2)
    {
        UpstreamResult result = await ApplicationBy(isHttp2).GetAsync(new UpstreamWait(_context.Loop), isFresh: false, this);
        if (result.Exchange is null)
        {
            return new DialResult(null, result.Reason, result.Detail);
        }

        result.Exchange.Release();
        return null;
    }

    /// <summary>The client's connections to the application, in a version of HTTP.</summary>
    public UpstreamGroup ApplicationBy(bool isHttp2)
    {
        if (_application is null || _application.IsClosed || _application.Key.IsHttp2 != isHttp2)
        {
            _application = Pod.UpstreamsOn(_context).GroupOf(_key with { IsHttp2 = isHttp2 }, _destination, service: null);
        }

        return _application;
    }

    /// <inheritdoc/>
    public ValueTask ServeAsync(ClientExchange exchange)
    {
        InboundExchange serving = _free.TryPop(out InboundExchange? free) ? free : new InboundExchange(this);
        return serving.ServeAsync(exchange);
    }

    /// <summary>Takes back an exchange that has ended: it serves another.</summary>
    public void Recycle(InboundExchange exchange) => _free.Push(exchange);

    /// <inheritdoc/>
    public void OnRefused(ClientExchange exchange, int status, string detail)
    {
        Refusal = detail;
        _context.Requests.Refused(Connection, status, detail, _context.Loop.NowMs);
    }

    /// <inheritdoc/>
    public async ValueTask<DialResult> DialAsync(UpstreamGroup group)
    {
        if (_adopted is TcpChannel adopted)
        {
            _adopted = null;
            if (IsFresh(adopted, group.Key.IsHttp2))
            {
                return new DialResult(ChannelConnection.Start(adopted, s_options, null, group.Target), CloseReason.None, null);
            }

            adopted.Reset();
        }

        var connector = new AppConnector(
            Pod.ShareOf(_context), Pod, TimeSpan.FromMilliseconds(_context.Services.Options.ConnectTimeoutMs));
        ConnectResult connected = await connector.ConnectAsync(group.Key.Client!, group.Target);
        return connected.Channel is null
            ? new DialResult(null, ConnectReasons.ReasonFor(connected.Status, connected.Error), connected.Error.ToString())
            : new DialResult(ChannelConnection.Start(connected.Channel, s_options, null, group.Target), CloseReason.None, null);
    }
}
