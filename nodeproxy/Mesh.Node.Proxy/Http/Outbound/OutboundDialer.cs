using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Inbound;
using Mesh.Node.Proxy.Origination;
using Mesh.Node.Proxy.Outbound;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.Tls;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>
/// Makes connections to endpoints on behalf of a pod's requests, the ways its connections go: to an application of this node directly, over
/// a stream of a tunnel, or plainly.
/// </summary>
internal sealed class OutboundDialer(OutboundOrigin origin) : IUpstreamDialer
{
    private static readonly ConnectionOptions s_options = new();

    private ProxyOptions Options => origin.Context.Services.Options;

    /// <inheritdoc/>
    public async ValueTask<DialResult> DialAsync(UpstreamGroup group)
    {
        IPEndPoint target = group.Target;
        if (group.Endpoint is not { TunnelProtocol: TunnelProtocol.Hbone } endpoint)
        {
            return await DialPlainAsync(group, target);
        }

        if (!group.Key.IsOnNode)
        {
            return await DialTunnelAsync(
                endpoint, group.Service, target, group.Key.IsHttp2 ? Beginning.Http2 : Beginning.Http1);
        }

        return origin.FindServingPod(endpoint) is EnrolledPod serving
            ? await DialOnNodeAsync(serving, group, target)
            : new DialResult(null, CloseReason.WorkloadRemoved, $"{endpoint.Name} has left the node");
    }

    private async ValueTask<DialResult> DialOnNodeAsync(EnrolledPod serving, UpstreamGroup group, IPEndPoint target)
    {
        var connector = new AppConnector(origin.Pod.ShareOf(origin.Context), serving, group.Limits.ConnectTimeout);
        return Of(await connector.ConnectAsync(group.Key.Client!, target), target);
    }

    private async ValueTask<DialResult> DialPlainAsync(UpstreamGroup group, IPEndPoint target)
    {
        IPAddress? source = origin.SourceTowards(target.Address);
        SysResult opened = origin.Pod.Sockets.TryOpenFrom(
            source is null || origin.Pod.HasNoOtherThan(source) ? null : source, target.AddressFamily, out SocketHandle? socket);
        if (!opened.Ok)
        {
            return opened.Error == Errno.EADDRNOTAVAIL
                ? new DialResult(null, CloseReason.ConnectFailed, $"{source} is no address of the pod")
                : new DialResult(null, ConnectReasons.ReasonFor(ConnectStatus.Failed, opened.Error), opened.Error.ToString());
        }

        var connector = new TcpConnector(origin.Pod.ShareOf(origin.Context));
        ConnectResult connected = await connector.ConnectAsync(socket!, target, group.Limits.ConnectTimeout);
        if (group.Key.Tls is not TlsOrigination tls || connected.Channel is not TcpChannel transport)
        {
            return Of(connected, target);
        }

        (TlsChannel? secured, CloseReason reason, string? detail) = await new TlsOriginator(origin.Context, tls, group.Key.ServerName)
            .SecureAsync(transport, group.Key.IsHttp2 ? OriginationUse.Http2 : OriginationUse.Http1);
        return new DialResult(secured is null ? null : ChannelConnection.Start(secured, s_options, null, target), reason, detail);
    }

    private async ValueTask<DialResult> DialTunnelAsync(
        Workload endpoint, Service? service, IPEndPoint target, Beginning beginning)
    {
        var accepted = new AcceptedIdentities(endpoint, service);
        var destination = new IPEndPoint(target.Address, MeshPorts.Hbone);
        var key = new TunnelKey(
            origin.Source.Identity, origin.SourceTowards(target.Address), accepted.Key, destination, endpoint.Uid);
        TunnelConnection? besides = null;
        while (true)
        {
            TunnelOpenResult tunnel = await origin.Pod.TunnelsOn(origin.Context).GetAsync(key, accepted, besides);
            if (tunnel.Tunnel is not TunnelConnection carrier)
            {
                return new DialResult(null, tunnel.Reason, tunnel.Detail);
            }

            var response = new ConnectResponse(origin.Context.Loop, origin.Pod.Buffers);
            TunnelStream? stream = carrier.TryOpenStream(
                ConnectRequest.Write(
                    origin.Context.Headers, target, origin.Client, origin.Source, service, beginning),
                response);
            ConnectAnswer answer = stream is null
                ? new ConnectAnswer(carrier.IsAborted ? ConnectAnswerKind.TunnelLost : ConnectAnswerKind.Unsent, 0)
                : await response.WaitAsync(TimeSpan.FromMilliseconds(Options.ConnectTimeoutMs + Options.ConfigurationWaitMs));
            if (answer is { Kind: ConnectAnswerKind.Answered, Status: ConnectStatusCode.Ok })
            {
                return Carry(stream!, response);
            }

            stream?.Reset(Http2ErrorCode.Cancel);
            response.Release();
            if (answer.Kind is ConnectAnswerKind.Refused or ConnectAnswerKind.Unsent && besides is null)
            {
                // The far proxy did nothing about it: it may be tried anew, once (RFC 9113 §8.7).
                besides = carrier;
                continue;
            }

            return answer.Kind is ConnectAnswerKind.TunnelLost || (answer.Kind == ConnectAnswerKind.Unsent && carrier.IsClosed)
                ? new DialResult(null, carrier.StreamEnd.Reason, carrier.StreamEnd.Detail)
                : answer.Kind is ConnectAnswerKind.Unsent
                ? new DialResult(null, CloseReason.TunnelLost, "the tunnel took no stream, and none when it was tried anew")
                : answer.Kind is ConnectAnswerKind.Refused
                ? new DialResult(
                    null, CloseReason.StreamLimit, "the far proxy refused the stream, and again when it was tried anew")
                : new DialResult(
                    null, ConnectReasons.ReasonFor(answer), answer.Status == 0 ? null : $"status {answer.Status} of the far proxy");
        }
    }

    /// <summary>Puts a stream that was granted under a connection, and counts it towards its pod until it ends.</summary>
    private DialResult Carry(TunnelStream stream, ConnectResponse response)
    {
        PodLimits limits = origin.Pod.Limits;
        limits.CountStreamOpened();
        StreamConnection connection = StreamConnection.Start(stream, s_options.DrainLimit, origin.Pod.Buffers);
        connection.ConnectionClosed.UnsafeRegister(static counted => ((PodLimits)counted!).CountStreamClosed(), limits);
        if (!response.TryDeliverTo(connection))
        {
            response.Release();
            Drop(connection);
            return new DialResult(null, CloseReason.BufferLimit, null);
        }

        if (limits.IsOverStreamLimit)
        {
            Drop(connection);
            return new DialResult(null, CloseReason.StreamLimit, $"{origin.Pod.Identity} has as many streams as it may");
        }

        return new DialResult(connection, CloseReason.None, null);
    }

    /// <summary>Ends a connection nobody will use, and gives back what it holds.</summary>
    private static void Drop(StreamConnection connection)
    {
        connection.Abort();
        _ = connection.DisposeAsync().AsTask();
    }

    private static DialResult Of(ConnectResult connected, IPEndPoint target) => connected.Channel is null
        ? new DialResult(null, ConnectReasons.ReasonFor(connected.Status, connected.Error), $"{target}: {connected.Error}")
        : new DialResult(ChannelConnection.Start(connected.Channel, s_options, null, target), CloseReason.None, null);
}
