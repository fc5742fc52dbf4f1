using System.Buffers.Text;
using System.Net;
using System.Runtime.CompilerServices;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>What is chosen and changed for an attempt, and what its end is called.</summary>
internal sealed partial class OutboundExchange
{
    /// <summary>Chooses the endpoint of an attempt. False when there is none, and then <see cref="_failure"/> says why.</summary>
    private bool TryChoose(ForwardAction? action, out EndpointChoice choice)
    {
        choice = default;
        if (action is not null && _destination is null)
        {
            var health = new DestinationHealth(_snapshot, _server.Origin.Source);
            int drawn = action.Destinations.Pick(in health, ref _context.Random);
            if (drawn == WeightedDestinations.None)
            {
                _failure = LocalAnswer.NoEndpoint;
                return false;
            }

            _destination = action.Destinations.Destinations[drawn];
            _record.Subset = _destination.Subset.Length == 0 ? null : _destination.Subset;
            _record.Port = _destination.Port;
        }

        Service? service = _destination is null ? _server.Service : _snapshot.FindService(_destination.ServiceKey);
        if (service is null || service.Waypoint is not null || !service.WeightedWaypoints.IsEmpty)
        {
            // What must pass a waypoint is not sent past it.
            _failure = LocalAnswer.NoDestination;
            return false;
        }

        _record.Service = service;
        CandidateSet candidates = EndpointPicker.Find(
            _snapshot, service.Key, _destination?.Port ?? _server.Port, _destination?.Subset ?? "", _server.Origin.Source);
        if (candidates.Status != EndpointStatus.Picked)
        {
            _failure = candidates.Status is EndpointStatus.UnknownService or EndpointStatus.UnknownPort or EndpointStatus.UnknownSubset
                ? LocalAnswer.NoDestination
                : LocalAnswer.NoEndpoint;
            return false;
        }

        int place = (int)_context.Random.Next((ulong)candidates.Count);
        place = candidates[place].Uid == _record.DestinationWorkload?.Uid ? (place + 1) % candidates.Count : place;
        choice = candidates.ChoiceOf(place, _server.Origin.Client.AddressFamily);
        if (MeshPorts.IsReserved(choice.TargetPort))
        {
            _failure = LocalAnswer.NoDestination;
            return false;
        }

        _record.DestinationWorkload = choice.Workload;
        _record.DestinationIdentity = choice.Workload!.Identity;
        PrepareHead(action);
        return TryAdmit(choice);
    }

    /// <summary>What the pod of this node that serves the endpoint lets in; on another node its own proxy says so.</summary>
    private bool TryAdmit(in EndpointChoice choice)
    {
        Workload endpoint = choice.Workload!;
        EnrolledPod? serving = _server.Origin.FindServingPod(endpoint);
        _record.Path = serving is null ? ConnectionPath.Outbound : ConnectionPath.SameNode;
        _record.IsMutualTls = serving is null && endpoint.TunnelProtocol == TunnelProtocol.Hbone;
        if (serving is null)
        {
            return true;
        }

        if (_server.Origin.SourceOnNode(choice.Address!) is not IPAddress client)
        {
            _failure = LocalAnswer.ConnectFailed;
            return false;
        }

        var facts = new ConnectionFacts(_server.Origin.Source.Identity, client, choice.Address!, choice.TargetPort, endpoint.Network);
        if (PolicyEvaluator.Evaluate(_snapshot, endpoint, in facts).Outcome == PolicyOutcome.Allowed)
        {
            return true;
        }

        _failure = LocalAnswer.Denied;
        return false;
    }

    private UpstreamKey KeyOf(in EndpointChoice choice) => new(
        _record.Service!.Key,
        choice.Workload!.Uid,
        choice.Address!,
        choice.TargetPort,
        _record.Path == ConnectionPath.SameNode
            ? _server.Origin.SourceOnNode(choice.Address!)
            : _server.Origin.SourceTowards(choice.Address!));

    /// <summary>The request as it is sent: the client's, with what route and destination change of it.</summary>
    private void PrepareHead(ForwardAction? action)
    {
        _head.CopyFrom(_client.Request);
        if (action?.Rewrite is PathRewrite rewrite)
        {
            _texts.ResetWrittenCount();
            ReadOnlySpan<byte> target = _client.Request.Path;
            int query = target.IndexOf((byte)'?');
            rewrite.Write(query < 0 ? target : target[..query], _match?.Path, _texts);
            if (query >= 0)
            {
                target[query..].CopyTo(_texts.GetSpan(target.Length - query));
                _texts.Advance(target.Length - query);
            }

            _head.Path = _texts.WrittenSpan;
        }

        if (action?.Authority is string authority)
        {
            _texts.ResetWrittenCount();
            _texts.Advance(System.Text.Encoding.UTF8.GetBytes(authority, _texts.GetSpan(authority.Length * 3)));
            _head.Authority = _texts.WrittenSpan;
        }

        if (_route is not null)
        {
            HeaderChanges.Apply(_route.RequestHeaders, _head.Fields);
        }

        if (_destination is not null)
        {
            HeaderChanges.Apply(_destination.RequestHeaders, _head.Fields);
        }

        RequestIdentifiers.Ensure(_head, ref _context.Random);
    }

    private void ChangeResponse()
    {
        if (_destination is not null)
        {
            HeaderChanges.Apply(_destination.ResponseHeaders, _response.Fields);
        }

        if (_route is not null)
        {
            HeaderChanges.Apply(_route.ResponseHeaders, _response.Fields);
        }

        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(_context.Loop.NowMs - _record.StartedMs, digits, out int bytes);
        _response.Fields.Set("x-envoy-upstream-service-time"u8, digits[..bytes]);
    }

    /// <summary>The connection ended before it gave an answer.</summary>
    private Attempt Broken(bool isReused)
    {
        if (_failure != LocalAnswer.Malformed)
        {
            _failure = _isAttemptLate ? LocalAnswer.AttemptTimedOut : LocalAnswer.UpstreamClosed;
        }

        bool isStale = isReused && !_isAttemptLate && !IsCut && _upstream is { HasResponse: false } && IsIdempotent(_client.Request.Method);
        return Attempt.Failed(_isAttemptLate ? AttemptOutcomeKind.AttemptTimeout : AttemptOutcomeKind.Reset, isStale);
    }

    /// <summary>RFC 9110 §9.2.2: sent twice, it does what it does once.</summary>
    private static bool IsIdempotent(ReadOnlySpan<byte> method) =>
        method.SequenceEqual("GET"u8) || method.SequenceEqual("HEAD"u8) || method.SequenceEqual("OPTIONS"u8)
        || method.SequenceEqual("PUT"u8) || method.SequenceEqual("DELETE"u8) || method.SequenceEqual("TRACE"u8);

    private static int? GrpcStatusOf(ResponseHead head) =>
        head.Fields.TryGet("grpc-status"u8, out ReadOnlySpan<byte> text) && Utf8Parser.TryParse(text, out int status, out int bytes)
            && bytes == text.Length
            ? status
            : null;

    private void ReadTrailers(Http1Upstream upstream)
    {
        if (!_record.IsGrpc)
        {
            return;
        }

        if (upstream.Content.Trailers.TryGet("grpc-status"u8, out ReadOnlySpan<byte> status)
            || _response.Fields.TryGet("grpc-status"u8, out status))
        {
            _record.SetGrpcStatus(status);
        }
    }

    private ResponseFlag FlagOf(CopyEnd end) => end switch
    {
        _ when _isLate => ResponseFlag.UpstreamRequestTimeout,
        CopyEnd.WriterGone => ResponseFlag.DownstreamConnectionTermination,
        CopyEnd.ReaderRefused or CopyEnd.LengthMismatch => ResponseFlag.UpstreamProtocolError,
        _ when _isClientGone => ResponseFlag.DownstreamConnectionTermination,
        _ => ResponseFlag.UpstreamConnectionTermination,
    };

    private string DetailsOf(CopyEnd end) => FlagOf(end) switch
    {
        ResponseFlag.UpstreamRequestTimeout => ResponseDetails.ResponseTimeout,
        ResponseFlag.DownstreamConnectionTermination => ResponseDetails.DownstreamRemoteDisconnect,
        ResponseFlag.UpstreamProtocolError => ResponseDetails.CutByProtocolError,
        _ => ResponseDetails.CutByConnectionTermination,
    };

    /// <summary>Gives the connection back: for another request, if both messages were whole.</summary>
    private void ReleaseUpstream()
    {
        if (_upstream is Http1Upstream upstream)
        {
            _upstream = null;
            _group!.GiveBack(upstream);
        }
    }

    /// <summary>Cuts the connection off: what it still brings is for nobody.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask DropUpstreamAsync()
    {
        _upstream?.Abort();
        await StopUploadAsync();
        ReleaseUpstream();
    }

    /// <summary>Waits before a further attempt, or for a delay that was asked for; false when the request was cut meanwhile.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<bool> PauseAsync(TimeSpan duration)
    {
        if (duration > TimeSpan.Zero)
        {
            ValueTask<bool> paused = _pause.WaitAsync();
            _pauseTimer.Arm(duration);
            await paused;
            _pauseTimer.Cancel();
        }

        return !IsCut;
    }

    /// <summary>Makes the faults that were asked for; true when the request is answered by it.</summary>
    private async ValueTask<bool> TryFaultAsync(FaultPolicy fault)
    {
        bool isAborted = fault.Abort is FaultAbort abort && abort.Share.Draw(ref _context.Random);
        if (fault.Delay is FaultDelay delay && delay.Share.Draw(ref _context.Random))
        {
            _record.Flags |= ResponseFlag.DelayInjected;
            if (!await PauseAsync(delay.Duration))
            {
                await AnswerAsync(LocalAnswer.TimedOut);
                return true;
            }
        }

        if (isAborted)
        {
            await AnswerAsync(LocalAnswer.Fault(fault.Abort!.HttpStatus, fault.Abort.GrpcStatus));
        }

        return isAborted;
    }

    /// <summary>A destination can be used while an endpoint of it can be had.</summary>
    private readonly struct DestinationHealth(MeshSnapshot snapshot, Workload source) : IDestinationHealth
    {
        public bool IsUsable(WeightedDestination destination) =>
            EndpointPicker.Find(snapshot, destination.ServiceKey, destination.Port, destination.Subset, source).Status
            == EndpointStatus.Picked;
    }
}
