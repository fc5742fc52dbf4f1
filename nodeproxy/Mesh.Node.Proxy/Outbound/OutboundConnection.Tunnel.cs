using System.Net;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.Relay;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>The way over HBONE: a stream of a pooled tunnel, asked for, if need be twice, and relayed.</summary>
internal sealed partial class OutboundConnection
{
    private const int RerouteDrawsMax = 4;

    // 4. over HBONE.
    private async Task TunnelAsync(Workload source, OutboundRoute route)
    {
        Record.IsMutualTls = true;
        AimAt(route);
        Context.Telemetry.PartiesKnown(Record);
        if (!TryCountStream())
        {
            return;
        }

        ConnectAnswer answer = await AskAsync(source, route, besides: null);
        if (answer.Kind is ConnectAnswerKind.Refused or ConnectAnswerKind.Unsent && Record.Reason == CloseReason.None)
        {
            // The far proxy did nothing about it, and nothing was read from the client: it may be tried anew, once (RFC 9113 §8.7). One
            // that only takes no more on this tunnel takes it on the next.
            CloseReason why = answer.Kind == ConnectAnswerKind.Refused ? CloseReason.StreamLimit : CloseReason.TunnelLost;
            answer = await AskAsync(source, _tunnel!.IsDraining ? route : Reroute(source, route, why), _tunnel);
        }

        if (answer is not { Kind: ConnectAnswerKind.Answered, Status: ConnectStatusCode.Ok } || Record.Reason != CloseReason.None)
        {
            (CloseReason reason, string? detail) = answer.Kind switch
            {
                ConnectAnswerKind.TunnelLost => _tunnel!.StreamEnd,
                ConnectAnswerKind.Unsent when _tunnel!.IsClosed => _tunnel.StreamEnd,
                ConnectAnswerKind.Unsent => (CloseReason.TunnelLost, "the tunnel took no stream, and none when it was tried anew"),
                ConnectAnswerKind.Refused =>
                    (CloseReason.StreamLimit, "the far proxy refused the stream, and again when it was tried anew"),
                _ => (ConnectReasons.ReasonFor(answer), answer.Status == 0 ? null : $"status {answer.Status}"),
            };
            Record.TryEnd(reason, detail);
            return;
        }

        Settle();
        _streamRelay = new StreamRelay(_client, _stream!, StreamRelayRole.SocketIsClient, Limits, Meter, this);
        ValueTask<RelayEnd> ended = RelayEnded.WaitAsync();
        _streamRelay.Start();
        if (!_response!.TryDeliverTo(_streamRelay))
        {
            Abort(CloseReason.BufferLimit, null);
        }

        EndBy(await ended, RelayEnd.UpstreamBroken, _stream!.Tunnel);
    }

    private void AimAt(OutboundRoute route)
    {
        Record.HboneAuthority = route.Target;
        Record.Upstream = new IPEndPoint(route.Target!.Address, MeshPorts.Hbone);
        Record.DestinationWorkload = route.Workload;
        Record.DestinationIdentity = route.Workload!.Identity;
    }

    /// <summary>Another endpoint of the service, where one is found that is reached over a tunnel too; else the same again.</summary>
    private OutboundRoute Reroute(Workload source, OutboundRoute route, CloseReason why)
    {
        // Endpoints are drawn, and the one that took nothing may be drawn again.
        for (int draws = 0; route.Service is not null && draws < RerouteDrawsMax; draws++)
        {
            OutboundRoute other = Decide(source);
            if (other is { Way: OutboundWay.Hbone, Workload: Workload endpoint } && endpoint.Uid != route.Workload!.Uid
                && _origin!.FindServingPod(endpoint) is null)
            {
                CountTowards(endpoint);
                AimAt(other);
                Context.Telemetry.Rerouted(Record, why);
                return other;
            }
        }

        return route;
    }

    /// <summary>
    /// Asks for a stream. Whatever the answer says, the record may have ended meanwhile, and has where there is no answer.
    /// </summary>
    private async ValueTask<ConnectAnswer> AskAsync(Workload source, OutboundRoute route, TunnelConnection? besides)
    {
        Workload destination = route.Workload!;
        var accepted = new AcceptedIdentities(destination, route.Service);
        var key = new TunnelKey(
            source.Identity, _origin!.SourceTowards(Record.Upstream!.Address), accepted.Key, Record.Upstream!, destination.Uid);
        TunnelOpenResult tunnel = await Pod.TunnelsOn(Context).GetAsync(key, accepted, besides);
        if (tunnel.Tunnel is null)
        {
            Record.TryEnd(tunnel.Reason, tunnel.Detail);
            return default;
        }

        if (Record.Reason != CloseReason.None)
        {
            return default;
        }

        _tunnel = tunnel.Tunnel;
        var response = new ConnectResponse(Context.Loop, Pod.Buffers);
        TunnelStream? stream = _tunnel.TryOpenStream(
            ConnectRequest.Write(
                Context.Headers, route.Target!, Record.Client, source, route.Service, _http?.Beginning ?? Beginning.Unknown),
            response);
        if (stream is null)
        {
            // Between the word that it has room and this moment others may have run, and one of them may have ended or filled it.
            return new ConnectAnswer(_tunnel.IsAborted ? ConnectAnswerKind.TunnelLost : ConnectAnswerKind.Unsent, 0);
        }

        // The far side connects to the application before it answers, so its time limit is inside ours.
        _stream = stream;
        _response = response;
        return await response.WaitAsync(TimeSpan.FromMilliseconds(Options.ConnectTimeoutMs + Options.ConfigurationWaitMs));
    }
}
