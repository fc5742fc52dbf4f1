using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Balancing.Hashing;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>What is chosen and changed for an attempt.</summary>
internal partial class OutboundExchange
{
    protected override void ChangeAnswer(bool isOfUpstream)
    {
        _admission.ChangeAnswer(Response.Fields);
        if (isOfUpstream)
        {
            if (_destination is not null)
            {
                HeaderChanges.Apply(_destination.ResponseHeaders, Response.Fields, FactsOf(Response), _texts);
            }

            if (_cookie is not null)
            {
                AffinityCookie.Add(_cookie, _server.CookieDraw, _texts, Response.Fields);
            }

            Span<byte> digits = stackalloc byte[20];
            Utf8Formatter.TryFormat(Context.Loop.NowMs - Record.StartedMs, digits, out int bytes);
            Response.Fields.Set("x-envoy-upstream-service-time"u8, digits[..bytes]);
        }

        if (_route is not null)
        {
            HeaderChanges.Apply(_route.ResponseHeaders, Response.Fields, FactsOf(Response), _texts);
            if (_route.Cors is CorsPolicy cors)
            {
                CorsFields.Set(cors, Client.Request, Response.Fields);
            }
        }
    }

    private MessageFacts FactsOf(ResponseHead? response) =>
        new() { Request = Client.Request, Response = response, Record = Record, NowMs = Context.Loop.NowMs };

    /// <summary>Chooses where an attempt goes; false when there is nowhere, and then the failure says why.</summary>
    private bool TryChoose(ForwardAction? action, RetryPolicy retries, [NotNullWhen(true)] out UpstreamGroup? group)
    {
        group = null;
        if (_isUnknown)
        {
            Head.CopyFrom(Client.Request);
            group = FindPassthrough();
            return true;
        }

        if (_target is null && !TryChooseDestination(action))
        {
            return false;
        }

        EndpointPick pick = PickEndpoint(retries);
        if (_isUnanswered && IsSpent(pick, retries) && FindOtherDestination(action) is WeightedDestination other)
        {
            if (!TryTakePlace(other))
            {
                return false;
            }

            if (!_lease.TryBeginRetry(out _))
            {
                Failure = LocalAnswer.Overflow;
                return false;
            }

            pick = PickEndpoint(retries);
        }

        if (!RouteChanges.TryApply(Client.Request, Head, _route, _match, _destination, FactsOf(null), _texts))
        {
            Failure = LocalAnswer.RewrittenTooLong;
            return false;
        }

        switch (pick.Choice.Status)
        {
            case EndpointStatus.Picked when !MeshPorts.IsReserved(pick.Choice.TargetPort):
                if (_triedCount < TriedMax)
                {
                    _tried[_triedCount++] = pick.Endpoint!;
                }

                _lease.BeginAttempt(pick.Endpoint!);
                return TryFindGroup(pick.Choice, out group);
            case EndpointStatus.Passthrough when _server.Connection.Destination is not null:
                group = FindPassthrough();
                return true;
            case EndpointStatus.UnknownService or EndpointStatus.UnknownPort or EndpointStatus.UnknownSubset or EndpointStatus.Picked
                or EndpointStatus.Passthrough:
                Failure = LocalAnswer.NoDestination;
                return false;
            default:
                Failure = pick.Choice.Status == EndpointStatus.NeedsResolution ? LocalAnswer.NameNotResolved : LocalAnswer.NoEndpoint;
                return false;
        }
    }

    /// <summary>Whether the destination has nobody left to ask: its endpoints have gone, or did not answer before.</summary>
    private bool IsSpent(in EndpointPick pick, RetryPolicy retries) => pick.Endpoint is DestinationEndpoint picked
        ? retries.AvoidsTried && _tried.AsSpan(0, _triedCount).Contains(picked)
        : pick.Choice.Status is EndpointStatus.NoEndpoint or EndpointStatus.NoHealthyEndpoint or EndpointStatus.UnknownSubset;

    private EndpointPick PickEndpoint(RetryPolicy retries) => _target!.Pick(
        new PickRequest
        {
            Snapshot = _snapshot,
            Source = _server.Origin.Source,
            Family = _server.Origin.Client.AddressFamily,
            NowMs = Context.Loop.NowMs,
            Hash = _hash,
            Tried = retries.AvoidsTried ? _tried.AsSpan(0, _triedCount) : default,
        },
        Context,
        ref Context.Random);

    /// <summary>Chooses the destination and takes the request's place there.</summary>
    private bool TryChooseDestination(ForwardAction? action)
    {
        if (action is null)
        {
            return TryTakePlace(null);
        }

        var health = new DestinationHealth(Context.Services.Destinations, _snapshot, _server.Origin.Source, Context.Loop.NowMs);
        int drawn = action.Destinations.Pick(in health, ref Context.Random);
        if (drawn == WeightedDestinations.None)
        {
            Failure = LocalAnswer.NoEndpoint;
            return false;
        }

        WeightedDestination destination = action.Destinations.Destinations[drawn];
        if (action.Destinations.KeepsUnusable && destination.LeadsNowhere)
        {
            _destination = destination;
            Failure = LocalAnswer.NoBackend;
            return false;
        }

        return TryTakePlace(destination);
    }

    /// <summary>
    /// Another destination of the route for a retry, by weight: nobody at the one that was drawn could be reached, so it is skipped as one
    /// without an endpoint is. Null where there is none, or each keeps its share whatever comes of it.
    /// </summary>
    private WeightedDestination? FindOtherDestination(ForwardAction? action)
    {
        if (action is null or { Destinations.KeepsUnusable: true })
        {
            return null;
        }

        var health = new DestinationHealth(
            Context.Services.Destinations, _snapshot, _server.Origin.Source, Context.Loop.NowMs, except: _destination);
        int drawn = action.Destinations.Pick(in health, ref Context.Random);
        return drawn == WeightedDestinations.None ? null : action.Destinations.Destinations[drawn];
    }

    /// <summary>Takes the request's place at a destination; null stands for the service that was dialled.</summary>
    private bool TryTakePlace(WeightedDestination? destination)
    {
        // That of a destination before is not this one's.
        _cookie = null;
        if (destination is not null)
        {
            _destination = destination;
            Record.Subset = destination.Subset.Length == 0 ? null : destination.Subset;
            Record.Port = destination.Port;
        }

        Service? service = _destination is null ? _service : _snapshot.FindService(_destination.ServiceKey);
        if (service is null || service.Waypoint is not null || !service.WeightedWaypoints.IsEmpty)
        {
            // What must pass a waypoint is not sent past it.
            Failure = LocalAnswer.NoDestination;
            return false;
        }

        Record.Service = service;
        Destination target = Context.Services.Destinations.Of(
            _snapshot,
            service.Key,
            _destination?.Port ?? _server.Port,
            _destination?.Subset ?? "",
            _server.Origin.Source,
            Context.Loop.NowMs);
        if (!_lease.TryBeginRequest(target, out _))
        {
            Failure = LocalAnswer.Overflow;
            return false;
        }

        _target = target;
        _hash = HashOf(target.Policy.Balancing.Hash);
        return true;
    }

    private ulong? HashOf(HashPolicy? policy)
    {
        if (policy is null)
        {
            return null;
        }

        var facts = new RequestFacts(Client.Request, _server.Origin.Source, Context.Joined);
        if (RequestHash.TryGet(policy, in facts, _server.Origin.Client.Address, out ulong hash))
        {
            return hash;
        }

        if (policy.CookieTtl is null)
        {
            return null;
        }

        _cookie = policy;
        Span<byte> value = stackalloc byte[AffinityCookie.ValueBytes];
        AffinityCookie.WriteValue(_server.CookieDraw, value);
        return ConsistentHash.HashOf(value);
    }

    /// <summary>The connections to an endpoint, by the way that leads there.</summary>
    private bool TryFindGroup(in EndpointChoice choice, [NotNullWhen(true)] out UpstreamGroup? group)
    {
        group = null;
        Workload endpoint = choice.Workload!;
        bool isOnNode = _server.Origin.FindServingPod(endpoint) is not null;
        Record.DestinationWorkload = endpoint;
        Record.DestinationIdentity = endpoint.Identity;
        Record.Path = isOnNode ? ConnectionPath.SameNode : ConnectionPath.Outbound;
        Record.IsMutualTls = !isOnNode && endpoint.TunnelProtocol == TunnelProtocol.Hbone;
        IPAddress? client = isOnNode ? _server.Origin.SourceOnNode(choice.Address!) : _server.Origin.SourceTowards(choice.Address!);
        if (isOnNode && client is null)
        {
            Failure = LocalAnswer.ConnectFailed;
            Record.UpstreamFailure = "the client's workload has no address of the endpoint's family";
            return false;
        }

        Service service = Record.Service!;
        var key = new UpstreamKey(
            service.Key,
            endpoint.Uid,
            choice.Address!,
            choice.TargetPort,
            _server.Origin.Source.Identity,
            client,
            isOnNode,
            IsHttp2Upstream(service));
        if (!isOnNode && endpoint.TunnelProtocol == TunnelProtocol.None && _target!.Policy.Tls is TlsOrigination tls)
        {
            key = Secured(key, tls, service);
        }

        group = _server.Origin.Pod.UpstreamsOn(Context).GroupOf(key, endpoint, service);
        group.Limits = _target!.Policy.Limits;
        return true;
    }

    /// <summary>The same connections in TLS that we begin: for the service's own host, or where it has many, the request's.</summary>
    private UpstreamKey Secured(in UpstreamKey key, TlsOrigination tls, Service service)
    {
        Head.Scheme = "https"u8;
        return key with
        {
            Tls = tls,
            ServerName = tls.ServerName.Length > 0 ? "" : service.Hostname.StartsWith('*') ? _server.HostOf(Head) : service.Hostname,
        };
    }

    private bool IsHttp2Client => Client.Request.Protocol == HttpProtocol.Http2 && !_needsHttp1;

    /// <summary>
    /// Whether the endpoint is spoken to in HTTP/2: where its port is declared to speak it, or a rule says so. gRPC has no other version.
    /// </summary>
    private bool IsHttp2Upstream(Service service)
    {
        ConnectionLimits limits = _target!.Policy.Limits;
        if (limits.UsesClientProtocol || Record.IsGrpc)
        {
            return IsHttp2Client;
        }

        return _snapshot.ProtocolOf(service.Key, (ushort)Record.Port) switch
        {
            PortProtocol.Http2 or PortProtocol.Grpc => !_needsHttp1,
            PortProtocol.Http => limits.Http2Upgrade == Http2Upgrade.Always && !_needsHttp1,
            _ => IsHttp2Client,
        };
    }

    /// <summary>The connections to the very address the client dialled.</summary>
    private UpstreamGroup FindPassthrough()
    {
        IPEndPoint dialled = _server.Connection.Destination!;
        Record.Path = ConnectionPath.Passthrough;
        Record.IsMutualTls = false;
        var key = new UpstreamKey(
            Record.Service?.Key ?? "",
            "",
            dialled.Address,
            (ushort)dialled.Port,
            _server.Origin.Source.Identity,
            _server.Origin.SourceTowards(dialled.Address),
            IsOnNode: false,
            IsHttp2: IsHttp2Client);
        if (Record.Service is Service service && _target?.Policy.Tls is TlsOrigination tls)
        {
            key = Secured(key, tls, service);
        }

        UpstreamGroup group = _server.Origin.Pod.UpstreamsOn(Context).GroupOf(key, endpoint: null, Record.Service);
        group.Limits = _target?.Policy.Limits ?? ConnectionLimits.Default;
        return group;
    }
}
