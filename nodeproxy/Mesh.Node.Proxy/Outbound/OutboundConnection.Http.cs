using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Sniffing;
using Mesh.Node.Proxy.Http;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Outbound;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Connections;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>The way of a connection whose port speaks HTTP: its requests are served one by one, each with a route of its own.</summary>
internal sealed partial class OutboundConnection
{
    private ProtocolPeek? _peek;
    private ChannelConnection? _httpConnection;
    private Http1Client? _httpClient;

    public override void BeginDrain() => _httpClient?.BeginDrain();

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
        // What waits for its client waits for nothing of ours.
        Settle();
        _peek = new ProtocolPeek(_client);
        PeekResult first = await _peek.WaitAsync(Context.Services.Http.HeadTime);
        _peek = null;
        return Record.Reason == CloseReason.None && first.Protocol != SniffedProtocol.Http2;
    }

    private async Task ServeHttpAsync(Service service, ushort port)
    {
        Record.Service = service;
        _httpConnection = ChannelConnection.Start(
            _client,
            new ConnectionOptions { IdleLimit = TimeSpan.FromMilliseconds(Options.IdleTimeoutMs) },
            Record.Destination,
            Record.Client);
        var server = new OutboundServer(_origin!, Record, service, port);
        _httpClient = new Http1Client(_httpConnection, Context.Loop, Context.Services.Http, server);
        Http1ClientEnd end = await _httpClient.RunAsync();
        await _httpConnection.DisposeAsync();
        bool isIdle = end == Http1ClientEnd.Gone && _httpConnection.End == ConnectionEnd.IdleTimeout;
        Record.TryEnd(isIdle ? CloseReason.IdleTimeout : HttpReasons.ReasonFor(end), server.Refusal);
    }
}
