using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Mesh.Node.Model;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Authorizers;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Http.Exchanges;
using Mesh.Node.Proxy.Http.Grpc;
using Mesh.Node.Proxy.Http.Inbound;
using Mesh.Node.Proxy.Http.Mirrors;
using Mesh.Node.Proxy.Http.Tracing;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>
/// A request of a captured client: it finds its route, and is answered by it, or sent to an endpoint of a destination, more than once where
/// that is allowed. What a pod of this node lets in is judged here, where the request is known; on another node its own proxy judges.
/// </summary>
internal partial class OutboundExchange : ProxiedExchange, IOpenRequest, IAuthorizedRequest
{
    /// <summary>Endpoints that are remembered as tried: a request is seldom tried more often.</summary>
    private const int TriedMax = 8;

    private readonly OutboundServer _server;
    private ArrayBufferWriter<byte> _texts = new();
    private MeshSnapshot _snapshot = MeshSnapshot.Empty;
    private Service? _service;
    private Route? _route;
    private RouteMatch? _match;
    private readonly RequestLease _lease = new();
    private readonly DestinationEndpoint[] _tried = new DestinationEndpoint[TriedMax];
    private WeightedDestination? _destination;
    private Destination? _target;
    private ulong? _hash;
    private HashPolicy? _cookie;
    private int _triedCount;
    private long _attemptStartedMs;
    private readonly RequestAdmission _admission;
    private RequestGate? _gate;
    private MirrorSet? _mirrors;
    private bool _isMirrored;
    private bool _needsHttp1;
    private bool _isUnanswered;

    /// <summary>For nobody the mesh knows: it goes where its client dialled.</summary>
    private bool _isUnknown;

    public OutboundExchange(OutboundServer server)
        : base(server.Origin.Context, server.Origin.Pod)
    {
        _server = server;
        _admission = new RequestAdmission(Context);
    }

    protected override ConnectionRecord Connection => _server.Connection;

    /// <summary>The pod of this node that the request is for, whose proxy has authorizers asked about it; null for none.</summary>
    protected virtual EnrolledPod? Asker =>
        Record.DestinationWorkload is Workload endpoint ? Context.Services.Pods.FindByName(endpoint.Namespace, endpoint.Name) : null;

    EnrolledPod? IAuthorizedRequest.Destination => Asker;

    RequestContent IAuthorizedRequest.Content => Content;

    BodyFraming IAuthorizedRequest.Body => Client.Request.Body;

    ValueTask<ContentStatus> IAuthorizedRequest.TakeContentAsync(long bytesMax) => TakeAheadAsync(bytesMax);

    PolicyDecision IOpenRequest.JudgeAgain(RequestGate gate) => _admission.JudgeAgain(gate, Head, _server.Origin.Source);

    void IOpenRequest.Revoke(in PolicyDecision decision) => EndBy(LocalAnswer.Denied, PolicyText.DetailOf(decision));

    protected override ValueTask DecideAsync()
    {
        Forget();
        RequestIdentifiers.Ensure(Client.Request, ref Context.Random);
        TraceFields.Complete(Client.Request.Fields);
        Record.SetRequest(Client.Request);
        if (!RequestPaths.TryNormalize(Client.Request))
        {
            return AnswerAsync(LocalAnswer.BadPath);
        }

        if (_service is null)
        {
            return LeaveAsync();
        }

        RouteTable? routes = _snapshot.FindTraffic(_service.Key)?.RoutesOf(_server.Port, _server.Origin.Source.Namespace);
        if (routes is null)
        {
            return ForwardAsync(null);
        }

        var facts = new RequestFacts(Client.Request, _server.Origin.Source, Context.Joined);
        if (!routes.TryFind(in facts, out _route, out _match))
        {
            return AnswerAsync(LocalAnswer.NoRoute);
        }

        Record.RouteName = _route.Name;
        if (_route.Cors is CorsPolicy cors && CorsFields.TryAnswerPreflight(cors, Client.Request, Response))
        {
            Record.Details = ResponseDetails.CorsResponse;
            return SendAsync(default);
        }

        switch (_route.Action)
        {
            case ForwardAction forward:
                return ForwardAsync(forward);
            case RedirectAction redirect:
                Response.Clear();
                Response.Status = redirect.Status;
                Response.Body = BodyFraming.OfLength(0);
                _texts.ResetWrittenCount();
                if (!redirect.TryWriteLocation(in facts, _match, _texts))
                {
                    return AnswerAsync(LocalAnswer.RewrittenTooLong);
                }

                Response.Fields.Add("location"u8, _texts.WrittenSpan);
                Record.Details = ResponseDetails.DirectResponse;
                return SendAsync(default);
            case DirectResponseAction direct:
                Response.Clear();
                Response.Status = direct.Status;
                Response.Body = BodyFraming.OfLength(direct.Body.Length);
                Record.Details = ResponseDetails.DirectResponse;
                return SendAsync(new ReadOnlySequence<byte>(direct.Body.AsMemory()));
            default:
                throw new UnreachableException($"A route of a kind that has no meaning here: {_route.Action.GetType().Name}.");
        }
    }

    /// <summary>
    /// Answers a request for nobody the mesh knows: it goes on to where its client dialled, or nowhere. Istio's names of the routes.
    /// </summary>
    private ValueTask LeaveAsync()
    {
        // As it is now: connections outlive configuration.
        if ((_server.Origin.Pod.FindWorkload(_snapshot) ?? _server.Origin.Source).IsRegistryOnly)
        {
            Record.Path = ConnectionPath.Blocked;
            Record.RouteName = "block_all";
            return AnswerAsync(LocalAnswer.NotInRegistry);
        }

        Record.RouteName = "allow_any";
        _isUnknown = true;
        return ForwardAsync(null);
    }

    /// <summary>Begins a request: nothing is decided of it.</summary>
    protected void Forget()
    {
        // One snapshot decides all of it.
        _snapshot = Context.Snapshot;
        _service = _server.ServiceOf(_snapshot, Client.Request);
        _route = null;
        _match = null;
        _destination = null;
        _target = null;
        _triedCount = 0;
        _cookie = null;
        _needsHttp1 = false;
        _isUnanswered = false;
        _isUnknown = false;
        _isMirrored = false;
        Record.Service = _service;
        Record.Port = _server.Port;
    }

    protected override void OnCompleted()
    {
        _mirrors?.End();
        LeaveGate();
        _lease.End();
        Array.Clear(_tried, 0, _triedCount);
        _target = null;
        _snapshot = MeshSnapshot.Empty;
        _service = null;
        _route = null;
        _match = null;
        _destination = null;
        _texts = WorkRoom.Kept(_texts);
        Head.Clear();
        Recycle();
    }

    /// <summary>Goes back to whoever keeps it for another request.</summary>
    protected virtual void Recycle() => _server.Recycle(this);

    protected override bool TryEndCheck() => _admission.TryEndCheck();

    /// <summary>Attempts, one after another, and the answer of the last.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    protected async ValueTask ForwardAsync(ForwardAction? action)
    {
        RetryPolicy retries = action?.Retries ?? (_isUnknown ? RetryPolicy.Never : RetryPolicy.Default);
        if (retries.Retries > 0)
        {
            Content.Record(Context.Services.Http.ReplayBytesMax);
        }

        if (TimeLimitOf(action) is TimeSpan limit)
        {
            LimitRequest(limit);
        }

        if (action?.Fault is FaultPolicy fault && await TryFaultAsync(fault))
        {
            return;
        }

        int retried = 0;
        bool isStaleTried = false;
        bool isFresh = false;
        while (true)
        {
            BeginAttempt(retries.AttemptTimeout);
            Attempt attempt = await AttemptAsync(action, retries, isFresh);
            EndAttempt();
            if (IsCut)
            {
                break;
            }

            if ((attempt.IsStale && !isStaleTried && CanSendAgain) || (attempt.WantsHttp1 && !_needsHttp1))
            {
                // Nothing was done about it: the server closed a connection just when it was used again, and answered nothing
                // (RFC 9112 §9.3.1), or said so (RFC 9113 §8.7).
                isStaleTried |= attempt.IsStale;
                isFresh = !attempt.IsRefused;
                _needsHttp1 |= attempt.WantsHttp1;
                _lease.ForgetAttempt();
                await DropUpstreamAsync();
                continue;
            }

            bool isWanted = attempt.MayRetry && retries.Allows(attempt.Outcome);
            bool isLeft = isWanted && retried < retries.Retries && CanSendAgain;
            if (isLeft && _lease.TryBeginRetry(out _))
            {
                EndAttempt(attempt);
                await DropUpstreamAsync();
                retried++;
                _isUnanswered = attempt.Outcome.Kind != AttemptOutcomeKind.Answered;
                if (await PauseAsync(retries.PauseBefore(retried, ref Context.Random)))
                {
                    continue;
                }

                break;
            }

            if (isLeft)
            {
                // The destination has as many retries under way as it may.
                Record.Flags |= ResponseFlag.UpstreamOverflow;
            }
            else if (isWanted && retried > 0)
            {
                Record.Flags |= ResponseFlag.UpstreamRetryLimitExceeded;
            }

            if (attempt.Outcome.Kind == AttemptOutcomeKind.Answered)
            {
                await RelayAnswerAsync();
                EndAttempt(attempt);
                return;
            }

            EndAttempt(attempt);
            break;
        }

        await DropUpstreamAsync();
        await AnswerAsync(AnswerOfCut());
    }

    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private async ValueTask<Attempt> AttemptAsync(ForwardAction? action, RetryPolicy retries, bool isFresh)
    {
        LeaveGate();
        if (Record.Attempts > 0)
        {
            // The route stands, but who did not answer may have left meanwhile, and is not to be asked again.
            _snapshot = Context.Snapshot;
        }

        if (!TryChoose(action, retries, out UpstreamGroup? group))
        {
            return Attempt.None;
        }

        if (action is { Mirrors.IsEmpty: false } && !_isMirrored)
        {
            MirrorOnce(action);
        }

        if (!await TryAdmitAsync(group))
        {
            return Attempt.None;
        }

        if (!_isUnknown && !group.HasRoom && !_lease.TryBeginPending(out _))
        {
            Failure = LocalAnswer.Overflow;
            return Attempt.None;
        }

        _attemptStartedMs = Context.Loop.NowMs;
        return await AttemptAsync(group, isFresh, _server.Dialer, _target?.Circuit);
    }

    protected override void OnConnected() => _lease.EndPending();

    /// <summary>Sends copies where the route asks for them. What may become a tunnel has none.</summary>
    private void MirrorOnce(ForwardAction action)
    {
        _isMirrored = true;
        if (Head.Upgrade.IsEmpty && !Head.IsConnect)
        {
            _mirrors ??= new MirrorSet(_server.Mirrors);
            Content.Tap = _mirrors;
            _mirrors.Start(action, Head);
        }
    }

    /// <summary>The route's limit, and how long a client of gRPC says that it waits, where that is less (reference B.2).</summary>
    private TimeSpan? TimeLimitOf(ForwardAction? action)
    {
        TimeSpan? limit = action?.Timeout;
        return Record.IsGrpc && Client.Request.Fields.TryGet("grpc-timeout"u8, out ReadOnlySpan<byte> text)
            && GrpcTimeout.TryParse(text, out TimeSpan deadline) && !(deadline >= limit)
            ? deadline
            : limit;
    }

    /// <summary>
    /// What an answer says of its endpoint's health: gRPC says in the head of an answer without content what HTTP says by status.
    /// </summary>
    private static AttemptResult ResultOf(AttemptOutcome answer) => answer switch
    {
        { Status: 502 or 503 or 504 } or { GrpcStatus: 4 or 14 } => AttemptResult.GatewayError,
        { Status: >= 500 } or { GrpcStatus: 2 or 12 or 13 or 15 } => AttemptResult.ServerError,
        _ => AttemptResult.Success,
    };

    /// <summary>Says what became of an attempt, as far as its endpoint's health is concerned.</summary>
    private void EndAttempt(in Attempt attempt)
    {
        long nowMs = Context.Loop.NowMs;
        switch (attempt.Outcome)
        {
            case { Kind: AttemptOutcomeKind.Answered }:
                long answeredMs = Record.FirstUpstreamByteMs < 0 ? nowMs : Record.FirstUpstreamByteMs;
                _lease.EndAttempt(ResultOf(attempt.Outcome), answeredMs - _attemptStartedMs, nowMs);
                break;
            case { Kind: AttemptOutcomeKind.Overflow }:
                _lease.ForgetAttempt();
                break;
            default:
                _lease.EndAttempt(AttemptResult.LocalOriginFailure, 0, nowMs);
                break;
        }
    }

    /// <summary>Asks a pod of this node whether it lets the request in. False, and the answer is there, when it does not.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private async ValueTask<bool> TryAdmitAsync(UpstreamGroup group)
    {
        if (Record.Path != ConnectionPath.SameNode)
        {
            return true;
        }

        // No other proxy stands before the application: what it would make of the request is made here.
        InboundFields.Rewrite(Head, _server.Origin.Source.Identity, Record.DestinationIdentity);
        if (!RequestPaths.TryNormalize(Head))
        {
            Failure = LocalAnswer.BadPath;
            return false;
        }

        _gate = group.Gate;
        _gate.Enter(this);
        if (await _admission.AdmitAsync(_gate, Head, _server.Origin.Source, Record, this) is not LocalAnswer refused)
        {
            return true;
        }

        // What has cut it meanwhile has said what the answer is.
        Failure = IsCut ? Failure : IsAttemptLate ? LocalAnswer.AttemptTimedOut : refused;
        return false;
    }

    private void LeaveGate()
    {
        _gate?.Leave(this);
        _gate = null;
        _admission.Forget();
    }

    /// <summary>Makes the faults that were asked for; true when the request is answered by it.</summary>
    private async ValueTask<bool> TryFaultAsync(FaultPolicy fault)
    {
        bool isAborted = fault.Abort is FaultAbort abort && abort.Share.Draw(ref Context.Random);
        if (fault.Delay is FaultDelay delay && delay.Share.Draw(ref Context.Random))
        {
            Record.Flags |= ResponseFlag.DelayInjected;
            if (!await PauseAsync(delay.Duration))
            {
                await AnswerAsync(AnswerOfCut());
                return true;
            }
        }

        if (isAborted)
        {
            await AnswerAsync(LocalAnswer.Fault(fault.Abort!.HttpStatus, fault.Abort.GrpcStatus));
        }

        return isAborted;
    }
}
