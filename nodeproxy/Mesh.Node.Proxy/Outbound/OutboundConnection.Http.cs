using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Sniffing;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Outbound;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>The way of a connection whose port speaks HTTP: its requests are served one by one, each with a route of its own.</summary>
internal sealed partial class OutboundConnection
{
    private HttpSession? _http;

    public override void BeginDrain() => _http?.BeginDrain();

    /// <summary>The service that was dialled, when HTTP is spoken at its port and nothing must be passed on the way to it.</summary>
    private Service? FindHttpService(Workload source, out ushort port)
    {
        port = (ushort)_destination!.Port;
        Service? service = Context.Snapshot.FindServiceByAddress(source.Network, _destination.Address, source.Namespace);
        return service is { Waypoint: null, WeightedWaypoints.IsEmpty: true }
            && service.LoadBalancing.Mode != LoadBalancingMode.Passthrough
            && Context.Snapshot.ProtocolOf(service.Key, port) == PortProtocol.Http
            ? service
            : null;
    }

    /// <summary>
    /// HTTP/2 is not read, and carried as bytes: the far side sees it begin so too. Whatever else comes is left to the reader of requests.
    /// </summary>
    private async ValueTask<bool> SpeaksHttp1Async()
    {
        _http = new HttpSession(Context, Record);
        PeekResult first = await _http.LookAsync(_client, Context.Services.Http.HeadTime);
        return Record.Reason == CloseReason.None && first.Protocol != SniffedProtocol.Http2;
    }

    private async Task ServeHttpAsync(Service service, ushort port)
    {
        Record.Service = service;
        Settle();
        await _http!.ServeAsync(_client, new OutboundServer(_origin!, Record, service, port));
    }
}
