using System.Net;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Inbound;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Relay;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>
/// One stream of an HBONE tunnel: a connection to an application of this pod. 1. Checked: the authority is an address of this pod. 2.
/// Judged. 3. Connected in the client's name. 4. Answered with 200, only now. 5. Relayed to its end.
/// </summary>
internal sealed partial class InboundHboneConnection : ProxiedConnection
{
    private readonly InboundTunnel _tunnel;
    private readonly TunnelStream _stream;
    private readonly ConnectRequest _request;
    private readonly EarlyData _early;
    private AppConnector? _connector;
    private TcpChannel? _application;
    private StreamRelay? _relay;
    private bool _hasRefused;

    private InboundHboneConnection(
        InboundTunnel tunnel, TunnelStream stream, ConnectRequest request, LoopContext context, ConnectionRecord record)
        : base(context, tunnel.Pod, record)
    {
        _tunnel = tunnel;
        _stream = stream;
        _request = request;
        _early = new EarlyData(context.Loop, tunnel.Pod.Buffers);
        stream.Events = new EarlyEvents(this);
    }

    /// <summary>Reads the request, which is valid during this call only, and starts the connection or refuses it.</summary>
    public static void Start(InboundTunnel tunnel, TunnelStream stream, HeaderList headers, LoopContext context)
    {
        var request = ConnectRequest.Read(headers);
        _ = new InboundHboneConnection(tunnel, stream, request, context, RecordOf(tunnel, request, context)).RunAsync();
    }

    /// <summary>Shows a stream that was refused before it was one. The request is valid during this call only.</summary>
    public static void Refuse(InboundTunnel tunnel, HeaderList headers, LoopContext context, CloseReason reason, string? detail)
    {
        ConnectionRecord record = RecordOf(tunnel, ConnectRequest.Read(headers), context);
        context.Telemetry.Opened(record);
        record.TryEnd(reason, detail);
        context.Telemetry.Closed(record, context.Loop.NowMs);
    }

    protected override async Task ProxyAsync()
    {
        // 1.
        IPAddress own = _tunnel.Record.Destination!.Address;
        if (_request.Error is CloseReason malformed)
        {
            Refuse(ConnectStatusCode.BadRequest, malformed, null);
            return;
        }

        Workload? destination = Pod.FindWorkload(Context.Snapshot);
        if (destination is null)
        {
            Refuse(ConnectStatusCode.Unavailable, CloseReason.DestinationUnknown, null);
            return;
        }

        Record.DestinationWorkload = destination;
        Record.DestinationIdentity = destination.Identity;
        if (!TryResolve(destination, own, out IPEndPoint? target))
        {
            return;
        }

        Record.Upstream = target;
        Record.Source = Context.Snapshot.FindWorkload(destination.Network, Record.Client.Address);
        Record.Service = _request.FindService(Context.Snapshot, destination.Namespace)
            ?? InboundDestination.ServiceOf(Context.Snapshot, destination, target!.Port);
        PortProtocol protocol = InboundDestination.ProtocolOf(Context.Snapshot, destination, target!.Port);
        Reading reading = ReadingOf(protocol, _request.Beginning, PolicyEvaluator.ReadsRequests(Context.Snapshot, destination));
        if (reading == Reading.None)
        {
            Context.Telemetry.PartiesKnown(Record);
        }

        if (!TryCountStream())
        {
            return;
        }

        // 2.
        var facts = new ConnectionFacts(_tunnel.Peer, Record.Client.Address, own, (ushort)target!.Port, destination.Network);
        RequestGate? gate = await AdmitAsync(destination, facts, reading);
        if (Record.Reason != CloseReason.None)
        {
            return;
        }

        if (reading == Reading.Requests)
        {
            await ServeHttpAsync(new InboundServer(Context, Pod, Record, gate!, destination, target), destination);
            return;
        }

        // 3.
        _connector = new AppConnector(Pod.ShareOf(Context), Pod, TimeSpan.FromMilliseconds(Options.ConnectTimeoutMs));
        ConnectResult connected = await _connector.ConnectAsync(Record.Client.Address, target);
        _connector = null;
        _application = connected.Channel;
        if (_application is null)
        {
            Refuse(ConnectStatusCode.Unavailable, ConnectReasons.ReasonFor(connected.Status, connected.Error), connected.Error.ToString());
            return;
        }

        if (Record.Reason != CloseReason.None)
        {
            return;
        }

        // 4. and 5.
        Answer(destination);
        if (reading == Reading.Look && !await TryServeAsync(protocol, gate!, destination, target, facts))
        {
            return;
        }

        Settle();
        _relay = new StreamRelay(
            _application,
            _stream,
            StreamRelayRole.SocketIsUpstream,
            LimitsFor(TimeSpan.FromMilliseconds(Options.IdleTimeoutMs)),
            _http is null ? Record : _http.Meter,
            this);
        ValueTask<RelayEnd> ended = RelayEnded.WaitAsync();
        _relay.Start();
        _early.DeliverTo(_relay);
        EndBy(await ended, RelayEnd.ClientBroken, _stream.Tunnel);
    }

    /// <summary>
    /// After a whole answer NO_ERROR only says that nothing more need be sent (RFC 9113 §8.1). A stream beyond the limit is refused as one
    /// that nothing was done about, so that the client may try it elsewhere (§8.7). An application that reset its connection is told as
    /// CONNECT_ERROR (§8.5).
    /// </summary>
    private Http2ErrorCode ResetCode => _hasRefused ? Http2ErrorCode.NoError : Record.Reason switch
    {
        CloseReason.StreamLimit => Http2ErrorCode.RefusedStream,
        CloseReason.UpstreamReset => Http2ErrorCode.ConnectError,
        _ => Http2ErrorCode.Cancel,
    };

    protected override void OnRefused() => Respond(ConnectStatusCode.Unavailable);

    protected override void OnAbort()
    {
        _connector?.Cancel();
        _http?.Abort();
        if (_httpConnection is null && _relay is not null)
        {
            _relay.Abort();
        }
        else if (_httpConnection is null)
        {
            _stream.Reset(ResetCode);
        }
    }

    protected override void CloseAll()
    {
        _application?.Reset();
        _adopting?.LetGo();
        _stream.Reset(ResetCode);
        _early.Release();
        _http?.End();
    }

    private static ConnectionRecord RecordOf(InboundTunnel tunnel, ConnectRequest request, LoopContext context) =>
        new(ConnectionPath.InboundHbone, tunnel.Record.Client, tunnel.Record.Destination, context.Loop.NowMs)
        {
            SourceIdentity = tunnel.Peer,
            IsMutualTls = true,
            HboneAuthority = request.Authority,
        };

    /// <summary>
    /// The address of the authority must be the one the peer connected to; a host name must be a service this pod serves.
    /// </summary>
    private bool TryResolve(Workload destination, IPAddress own, out IPEndPoint? target)
    {
        target = null;
        int port;
        if (_request.Authority is IPEndPoint address)
        {
            if (!address.Address.Equals(own))
            {
                Refuse(ConnectStatusCode.BadRequest, CloseReason.AuthorityMismatch, $"{address} was asked of {own}");
                return false;
            }

            port = address.Port;
        }
        else
        {
            var name = (DnsEndPoint)_request.Authority!;
            Service? service = Context.Snapshot.FindServiceByHostname(name.Host, destination.Namespace);
            ServiceMembership? membership = service is null ? null : destination.MembershipOf(service.Key);
            port = membership?.TargetPortOf((ushort)name.Port) ?? 0;
            if (port == 0 && membership is not null && service!.TryGetPort((ushort)name.Port, out ServicePort declared))
            {
                port = declared.TargetPort;
            }

            if (port == 0)
            {
                Refuse(ConnectStatusCode.Unavailable, CloseReason.NoServicePort, $"{name.Host}:{name.Port} is not served here");
                return false;
            }
        }

        if (MeshPorts.IsReserved(port))
        {
            Refuse(ConnectStatusCode.Unavailable, CloseReason.CapturePortRefused, $"port {port} belongs to the mesh");
            return false;
        }

        if (destination.ApplicationTunnel is not null)
        {
            Refuse(ConnectStatusCode.Unavailable, CloseReason.ApplicationTunnelUnsupported, destination.Uid);
            return false;
        }

        target = new IPEndPoint(own, port);
        return true;
    }

    private void Refuse(int status, CloseReason reason, string? detail)
    {
        Record.TryEnd(reason, detail);
        Respond(status);
    }

    private void Respond(int status)
    {
        ConnectResponseHeaders.Write(Context.Headers, status, null);
        _stream.Respond(Context.Headers, endStream: true);
        _hasRefused = true;
    }

    /// <summary>Watches the stream until the relay takes it, and holds what the client sends before it has its answer.</summary>
    private sealed class EarlyEvents(InboundHboneConnection connection) : ITunnelStreamEvents
    {
        public void OnResponse(HeaderList headers, bool endStream) => OnData(default, endStream);

        public void OnData(ReadOnlySpan<byte> data, bool endStream)
        {
            if (!connection._early.TryHold(data, endStream))
            {
                connection.Abort(CloseReason.BufferLimit, null);
            }

            connection._http?.OnHeld();
        }

        public void OnSendable()
        {
        }

        public void OnAborted(TunnelAbort abort)
        {
            (CloseReason reason, string? detail) = abort.IsTunnelLost
                ? connection._stream.Tunnel.StreamEnd
                : (CloseReason.ClientReset, null);
            connection.Abort(reason, detail);
        }

        public void OnFinished()
        {
        }
    }
}
