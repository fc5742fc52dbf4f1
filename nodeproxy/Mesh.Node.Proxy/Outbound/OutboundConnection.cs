using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Inbound;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Origination;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Relay;
using Mesh.Node.Transport.Tls;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>
/// A connection captured on its way out of a pod. 1. Who asks: the pod whose namespace it was captured in. 2. Where to: service, workload
/// or neither. 3. On this node: judged here and joined to the application directly. 4. Else over a tunnel, or plainly. 5. Relayed to its
/// end.
/// </summary>
internal sealed partial class OutboundConnection : ProxiedConnection
{
    private readonly TcpChannel _client;
    private readonly IPEndPoint? _destination;
    private OutboundOrigin? _origin;
    private AppConnector? _appConnector;
    private TcpConnector? _connector;
    private TunnelConnection? _tunnel;
    private TunnelStream? _stream;
    private ConnectResponse? _response;
    private ByteChannel? _upstream;
    private TlsOriginator? _originator;
    private ChannelRelay? _channelRelay;
    private StreamRelay? _streamRelay;

    public OutboundConnection(LoopContext context, EnrolledPod pod, TcpChannel client, IPEndPoint peer, IPEndPoint? destination)
        : base(context, pod, new ConnectionRecord(ConnectionPath.Outbound, peer, destination, context.Loop.NowMs))
    {
        _client = client;
        _destination = destination;
        client.Events = new ClientWatch(this);
    }

    private IRelayMeter Meter => _http is null ? Record : _http.Meter;

    private RelayLimits Limits => LimitsFor(TimeSpan.FromMilliseconds(Options.IdleTimeoutMs));

    protected override async Task ProxyAsync()
    {
        if (_destination is null || IsDialledDirectly(_destination))
        {
            Record.TryEnd(_destination is null ? CloseReason.NoOriginalDestination : CloseReason.CapturePortRefused);
            return;
        }

        if (await TryAnswerAsync())
        {
            return;
        }

        // 1. The namespace says which pod; the control plane says which workload that is.
        if (await FindSourceAsync() is not Workload source)
        {
            return;
        }

        Record.SourceIdentity = source.Identity;
        Record.Source = source;
        _origin = new OutboundOrigin(Context, Pod, source, Record.Client);

        // 2. Requests are routed each for itself.
        if (await TryServeAsync(source))
        {
            return;
        }

        OutboundRoute route = Decide(source);
        Record.Service = route.Service;
        Record.DestinationWorkload = route.Workload;
        Record.DestinationIdentity = route.Workload?.Identity;
        Record.Upstream = route.Target;
        if (route.Workload is not null)
        {
            CountTowards(route.Workload);
        }

        switch (route.Way)
        {
            case OutboundWay.Refused:
                if (route.Reason == CloseReason.NotInRegistry)
                {
                    Record.Path = ConnectionPath.Blocked;
                }

                Record.TryEnd(route.Reason, route.Detail);
                Context.Telemetry.PartiesKnown(Record);
                return;
            case OutboundWay.Hbone when _origin.FindServingPod(route.Workload!) is EnrolledPod serving:
                await JoinSameNodeAsync(source, serving, route);
                return;
            case OutboundWay.Hbone:
                await TunnelAsync(source, route);
                return;
            default:
                await ConnectPlainAsync(source, route);
                return;
        }
    }

    protected override void OnAbort()
    {
        _dns?.Cancel();
        _appConnector?.Cancel();
        _connector?.Cancel();
        _originator?.Cancel();
        _http?.Abort();
        if (_channelRelay is not null)
        {
            _channelRelay.Abort();
        }
        else
        {
            _streamRelay?.Abort();
        }

        _client.Reset();
        _stream?.Reset(Protocols.Http2.Http2ErrorCode.Cancel);
    }

    protected override void CloseAll()
    {
        _client.Reset();
        _upstream?.Reset();
        _stream?.Reset(Protocols.Http2.Http2ErrorCode.Cancel);
        _response?.Release();
        _http?.End();
    }

    /// <summary>
    /// A connection made to the capture port itself has that port as its destination, and would come back to us for ever.
    /// </summary>
    private static bool IsDialledDirectly(IPEndPoint destination) => MeshPorts.IsReserved(destination.Port);

    private OutboundRoute Decide(Workload source) => OutboundRoute.Decide(
        Context.Snapshot, source, _destination!, Record.ServerName, Context, ref Context.Random);

    private async ValueTask<Workload?> FindSourceAsync()
    {
        if (!Context.Snapshot.IsComplete || Pod.FindWorkload(Context.Snapshot) is null)
        {
            bool arrived = await Context.WaitForConfigurationAsync(
                snapshot => snapshot.IsComplete && Pod.FindWorkload(snapshot) is not null,
                TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs));
            if (!arrived)
            {
                Record.TryEnd(Context.Snapshot.IsComplete ? CloseReason.SourceUnknown : CloseReason.NotReady);
                return null;
            }
        }

        return Record.Reason == CloseReason.None ? Pod.FindWorkload(Context.Snapshot) : null;
    }

    // 3.
    private async Task JoinSameNodeAsync(Workload source, EnrolledPod serving, OutboundRoute route)
    {
        Record.Path = ConnectionPath.SameNode;
        Context.Telemetry.PartiesKnown(Record);
        if (!TryBeServedBy(serving))
        {
            return;
        }

        Workload destination = route.Workload!;
        IPEndPoint target = route.Target!;
        if (_origin!.SourceOnNode(target.Address) is not IPAddress client)
        {
            Record.TryEnd(CloseReason.ConnectFailed, $"{source.Name} has no address to reach {target.Address} from");
            return;
        }

        var facts = new ConnectionFacts(source.Identity, client, target.Address, (ushort)target.Port, destination.Network)
        {
            ServerName = Record.ServerName,
        };
        if (!await Gate.AdmitAsync(Context, this, destination, facts, TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs)))
        {
            return;
        }

        _appConnector = new AppConnector(Pod.ShareOf(Context), serving, TimeSpan.FromMilliseconds(Options.ConnectTimeoutMs));
        ConnectResult connected = await _appConnector.ConnectAsync(client, target);
        _appConnector = null;
        await RelayAsync(connected);
    }

    // 4. The plain way: endpoints nothing stands in front of, and addresses outside the mesh.
    private async Task ConnectPlainAsync(Workload source, OutboundRoute route)
    {
        if (route.Way == OutboundWay.Passthrough)
        {
            Record.Path = ConnectionPath.Passthrough;
        }

        Context.Telemetry.PartiesKnown(Record);
        IPAddress? client = _origin!.SourceTowards(route.Target!.Address);
        SysResult opened = Pod.Sockets.TryOpenFrom(
            client is null || Pod.HasNoOtherThan(client) ? null : client, route.Target!.AddressFamily, out SocketHandle? socket);
        if (!opened.Ok)
        {
            bool isGone = opened.Error == Errno.EADDRNOTAVAIL;
            Record.TryEnd(
                isGone ? CloseReason.ConnectFailed : ConnectReasons.ReasonFor(ConnectStatus.Failed, opened.Error),
                isGone ? $"{client} is no address of the pod" : opened.Error.ToString());
            return;
        }

        _connector = new TcpConnector(Pod.ShareOf(Context));
        ConnectResult connected = await _connector.ConnectAsync(socket!, route.Target, TimeSpan.FromMilliseconds(Options.ConnectTimeoutMs));
        _connector = null;
        if (connected.Channel is TcpChannel transport && Record.Reason == CloseReason.None && TlsFor(source, route) is TlsOrigination tls)
        {
            await SecureAsync(tls, route.Service!, transport);
            return;
        }

        await RelayAsync(connected);
    }

    /// <summary>How connections to an endpoint outside the mesh are made in TLS; null for as they are.</summary>
    private TlsOrigination? TlsFor(Workload source, OutboundRoute route) => route.Service is Service service
        ? Context.Snapshot.PolicyOf(service.Key, route.Port, route.Subset, source.Namespace).Tls
        : null;

    private async Task SecureAsync(TlsOrigination tls, Service service, TcpChannel transport)
    {
        // Of a service of many hosts the one that the client itself asks for in TLS is all there is.
        string host = service.Hostname.StartsWith('*') ? Record.ServerName ?? "" : service.Hostname;
        _originator = new TlsOriginator(Context, tls, host);
        (TlsChannel? secured, CloseReason reason, string? detail) = await _originator.SecureAsync(transport, OriginationUse.Bytes);
        _originator = null;
        _upstream = secured;
        if (secured is null)
        {
            Record.TryEnd(reason, detail);
            return;
        }

        await RelayAsync(secured);
    }

    // 5. for two sockets.
    private async Task RelayAsync(ConnectResult connected)
    {
        _upstream = connected.Channel;
        if (_upstream is null)
        {
            Record.TryEnd(ConnectReasons.ReasonFor(connected.Status, connected.Error), connected.Error.ToString());
            return;
        }

        await RelayAsync(_upstream);
    }

    private async Task RelayAsync(ByteChannel upstream)
    {
        if (Record.Reason != CloseReason.None)
        {
            return;
        }

        Settle();
        _channelRelay = new ChannelRelay(_client, upstream, Limits, Meter, this);
        ValueTask<RelayEnd> ended = RelayEnded.WaitAsync();
        _channelRelay.Start();
        EndBy(await ended);
    }

    /// <summary>
    /// Watches the client while nothing is relayed yet: a client that resets must not keep a connect or a tunnel waiting.
    /// </summary>
    private sealed class ClientWatch(OutboundConnection connection) : IChannelEvents
    {
        public void OnReadable()
        {
        }

        public void OnWritable()
        {
        }

        public void OnFault() => connection.Abort(CloseReason.ClientReset, null);
    }
}
