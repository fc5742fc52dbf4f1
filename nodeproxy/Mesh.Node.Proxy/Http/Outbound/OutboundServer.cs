using System.Text;
using Mesh.Node.Model;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Mirrors;
using Mesh.Node.Proxy.Outbound;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>Serves the requests of one captured connection: each finds its route, and so its destination. Lives on one loop.</summary>
internal sealed class OutboundServer(OutboundOrigin origin, ConnectionRecord connection, DialledPort dialled) : IRequestServer
{
    private readonly OutboundDialer _dialer = new(origin);
    private ulong? _cookieDraw;
    private string _host = "";

    // As many as the client ever had under way at once.
    private readonly Stack<OutboundExchange> _free = new();

    /// <summary>The client's side.</summary>
    public OutboundOrigin Origin => origin;

    /// <summary>The connection it came on.</summary>
    public ConnectionRecord Connection => connection;

    /// <summary>The service whose address the client dialled; null where nobody owns it.</summary>
    public Service? Service => dialled.Service;

    /// <summary>The port the client dialled.</summary>
    public ushort Port => dialled.Port;

    /// <summary>Makes connections on the client's behalf.</summary>
    public OutboundDialer Dialer => _dialer;

    /// <summary>What the value of a cookie is made of that one of the connection's requests is given: the same for all of them.</summary>
    public ulong CookieDraw => _cookieDraw ??= origin.Context.Random.Next();

    /// <summary>Makes copies of requests.</summary>
    public MirrorPool Mirrors => field ??= new MirrorPool(this);

    /// <inheritdoc/>
    public string? Refusal { get; private set; }

    /// <inheritdoc/>
    public ValueTask ServeAsync(ClientExchange exchange)
    {
        OutboundExchange serving = _free.TryPop(out OutboundExchange? free) ? free : new OutboundExchange(this);
        return serving.ServeAsync(exchange);
    }

    /// <summary>The service a request is for; null for none.</summary>
    public Service? ServiceOf(MeshSnapshot snapshot, RequestHead head) => dialled.ServiceOf(snapshot, origin.Source, head);

    /// <summary>The host of a request as text; kept for the next request, which is seldom for another.</summary>
    public string HostOf(RequestHead head)
    {
        ReadOnlySpan<byte> host = NamedPort.HostOf(head.Authority);
        if (!Ascii.EqualsIgnoreCase(host, _host))
        {
            _host = Encoding.ASCII.GetString(host).ToLowerInvariant();
        }

        return _host;
    }

    /// <summary>Takes back an exchange that has ended: it serves another.</summary>
    public void Recycle(OutboundExchange exchange) => _free.Push(exchange);

    /// <inheritdoc/>
    public void OnRefused(ClientExchange exchange, int status, string detail)
    {
        origin.Context.Requests.Refused(connection, status, detail, origin.Context.Loop.NowMs);
        Refusal = detail;
    }
}
