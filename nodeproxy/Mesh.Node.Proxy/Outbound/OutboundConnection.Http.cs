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
            && Context.Snapshot.ProtocolOf(service.Key, port) is (PortProtocol.Http or PortProtocol.Http2 or PortProtocol.Grpc)
            ? service
            : null;
    }

    /// <summary>
    /// Serves the requests of the client, in the version of HTTP it begins with; what begins with neither is left to the reader of HTTP/1.
    /// </summary>
    private async Task ServeHttpAsync(Service service, ushort port)
    {
        _http = new HttpSession(Context, Record);
        PeekResult first = await _http.LookAsync(_client, Context.Services.Http.HeadTime);
        if (Record.Reason != CloseReason.None)
        {
            return;
        }

        Record.Service = service;
        Settle();
        bool isHttp2 = first.Protocol == SniffedProtocol.Http2;
        await _http.ServeAsync(_client, isHttp2, new OutboundServer(_origin!, Record, service, port), Pod.Buffers);
    }
}
