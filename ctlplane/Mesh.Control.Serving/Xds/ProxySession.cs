using System.Collections.Immutable;
using System.Globalization;
using System.Threading.Channels;
using System.Threading.RateLimiting;
using Grpc.Core;
using Mesh.Api.Discovery;
using Mesh.Api.Policies;
using Mesh.Control.Serving.Authentication;
using Microsoft.Extensions.Logging;

namespace Mesh.Control.Serving.Xds;

/// <summary>
/// One discovery stream from its first request to its end. A pump moves requests into a bounded queue; everything else happens in one
/// loop, which owns all state but <see cref="Status"/>: 1. take over the requests that came, 2. send what they and the newest snapshots
/// call for, 3. wait for more of either. Snapshots published while a write is under way are not sent one by one: the loop always moves to
/// the newest.
/// </summary>
internal sealed partial class ProxySession
{
    private const int QueuedRequestsMax = 64;
    private const int UnansweredMax = 64;
    private const int ReasonCharsMax = 4_096;
    private const string NodeNameKey = "NODE_NAME";

    /// <summary>
    /// A response not taken for this long means that the proxy goes on with a policy that is out of date; it is better off with a new
    /// stream, and an operator with a line in the log.
    /// </summary>
    private static readonly TimeSpan s_writeTimeoutDefault = TimeSpan.FromMinutes(2);

    private readonly NodeCaller _caller;
    private readonly ResourceStore _store;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TimeSpan _writeTimeout;
    private readonly Dictionary<string, TypeState> _types = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SentResponse> _unanswered = new(StringComparer.Ordinal);
    private readonly Queue<string> _unansweredOrder = new();
    private readonly HashSet<string> _unsupported = new(StringComparer.Ordinal);
    private long _responseCount;
    private bool _readsWhole;
    private ProxyStatus _status;

    /// <param name="caller">Whose stream it is.</param>
    /// <param name="peerAddress">Where it comes from.</param>
    /// <param name="store">What is served.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For what an operator should know.</param>
    /// <param name="writeTimeout">How long a response may wait for the proxy to take it; 2 minutes unless said otherwise.</param>
    public ProxySession(
        NodeCaller caller, string peerAddress, ResourceStore store, TimeProvider time, ILogger logger, TimeSpan? writeTimeout = null)
    {
        _writeTimeout = writeTimeout ?? s_writeTimeoutDefault;
        _caller = caller;
        _store = store;
        _time = time;
        _logger = logger;
        _status = new ProxyStatus
        {
            Node = caller.Node,
            NodeId = string.Empty,
            Address = peerAddress,
            ConnectedAt = time.GetUtcNow(),
            TokenId = caller.TokenId,
            Types = [],
            UnsupportedTypes = [],
        };
    }

    /// <summary>Written by the loop, read by any.</summary>
    public ProxyStatus Status => Volatile.Read(ref _status);

    /// <exception cref="RpcException">The stream must end with this status.</exception>
    public async Task RunAsync(
        IAsyncStreamReader<DeltaDiscoveryRequest> requests,
        IServerStreamWriter<DeltaDiscoveryResponse> responses,
        CancellationToken cancellation)
    {
        var queue = Channel.CreateBounded<DeltaDiscoveryRequest>(
            new BoundedChannelOptions(QueuedRequestsMax) { SingleReader = true, SingleWriter = true });
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task pump = PumpAsync(requests, queue.Writer, ending.Token);
        try
        {
            await LoopAsync(queue.Reader, responses, ending.Token);
        }
        finally
        {
            await ending.CancelAsync();
            await pump.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task PumpAsync(
        IAsyncStreamReader<DeltaDiscoveryRequest> requests, ChannelWriter<DeltaDiscoveryRequest> queue, CancellationToken cancellation)
    {
        using var rate = new TokenBucketRateLimiter(new TokenBucketRateLimiterOptions
        {
            TokenLimit = 2_000,
            TokensPerPeriod = 500,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            QueueLimit = 1,
        });
        try
        {
            while (await requests.MoveNext(cancellation))
            {
                // A client that talks too fast is read more slowly, and feels it through flow control.
                using RateLimitLease lease = await rate.AcquireAsync(permitCount: 1, cancellation);
                await queue.WriteAsync(requests.Current, cancellation);
            }

            queue.Complete();
        }
        catch (Exception exception)
        {
            queue.Complete(exception);
        }
    }

    private async Task LoopAsync(
        ChannelReader<DeltaDiscoveryRequest> requests,
        IServerStreamWriter<DeltaDiscoveryResponse> responses,
        CancellationToken cancellation)
    {
        Task<bool> readable = requests.WaitToReadAsync(cancellation).AsTask();
        while (true)
        {
            // Taken before anything is read, so that no publication falls in between.
            Task changed = _store.NextChange;

            // 1. Requests.
            while (requests.TryRead(out DeltaDiscoveryRequest? request))
            {
                Take(request);
            }

            // 2. Responses.
            await SendDueAsync(responses, cancellation);

            // 3. Wait.
            if (readable.IsCompleted)
            {
                if (!await readable)
                {
                    return;
                }

                readable = requests.WaitToReadAsync(cancellation).AsTask();
            }

            await Task.WhenAny(readable, changed).WaitAsync(cancellation);
        }
    }

    private void Take(DeltaDiscoveryRequest request)
    {
        CheckNode(request);
        if (!TypeUrls.All.Contains(request.TypeUrl))
        {
            TakeUnsupported(request.TypeUrl);
            return;
        }

        bool isNew = !_types.TryGetValue(request.TypeUrl, out TypeState? type);
        if (type is null)
        {
            _types[request.TypeUrl] = type = new TypeState(
                new TypeSubscription(_caller.Node), new TypeStatus { TypeUrl = request.TypeUrl });
        }

        if (request.ResponseNonce.Length > 0 && !isNew)
        {
            TakeAnswer(type, request);
        }

        // Most requests are answers and nothing else; only those that change the subscription are applied.
        if (isNew || request.ResourceNamesSubscribe.Count > 0 || request.ResourceNamesUnsubscribe.Count > 0)
        {
            if (type.Subscription.Apply(request) is { } problem)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, problem));
            }

            type.Status = type.Status with { IsWildcard = type.Subscription.IsWildcard, SubscribedNames = type.Subscription.NameCount };
        }

        PublishStatus();
    }

    /// <summary>A node speaks for itself only: the name it gives must be the one its token was made for.</summary>
    private void CheckNode(DeltaDiscoveryRequest request)
    {
        if (request.Node is null)
        {
            if (Status.NodeId.Length == 0)
            {
                throw new RpcException(new Status(StatusCode.InvalidArgument, "The first request must say which node it is from."));
            }

            return;
        }

        string? name = request.Node.Metadata?.Fields.GetValueOrDefault(NodeNameKey)?.StringValue;
        if (string.IsNullOrEmpty(name))
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"The node's metadata has no {NodeNameKey}."));
        }

        if (name != _caller.Node)
        {
            throw new RpcException(new Status(
                StatusCode.PermissionDenied,
                $"The token is that of node {_caller.Node}, but the request says it is from {ShortName(name)}."));
        }

        if (Status.NodeId.Length == 0)
        {
            // For the length of the stream: what was sent in one form is not sent in the other.
            _readsWhole = request.Node.Metadata!.Fields.GetValueOrDefault(PolicyExtensions.NodeMetadataKey)?.StringValue
                == PolicyExtensions.NodeMetadataValue;
        }

        Volatile.Write(ref _status, Status with { NodeId = ShortName(request.Node.Id.Length == 0 ? name : request.Node.Id) });
    }

    /// <summary>
    /// Not answered, on purpose: an empty answer would tell a client that there is nothing of a type this server does not know, and for
    /// some future policy that would be wrong in the dangerous direction.
    /// </summary>
    private void TakeUnsupported(string typeUrl)
    {
        if (_unsupported.Count < UnansweredMax && _unsupported.Add(ShortName(typeUrl)))
        {
            UnsupportedType(_logger, _caller.Node, ShortName(typeUrl));
            Volatile.Write(ref _status, Status with { UnsupportedTypes = [.. _unsupported.Order(StringComparer.Ordinal)] });
        }
    }

    private void TakeAnswer(TypeState type, DeltaDiscoveryRequest request)
    {
        // An answer to something sent long ago, or on another stream, says nothing about now.
        if (!_unanswered.Remove(request.ResponseNonce, out SentResponse? sent) || sent.TypeUrl != request.TypeUrl)
        {
            return;
        }

        DateTimeOffset now = _time.GetUtcNow();
        KeyValuePair<string, object?> label = new("type", TypeUrls.ShortName(request.TypeUrl));
        type.ForgottenSince = null;
        if (request.ErrorDetail is null)
        {
            ServingMetrics.Acknowledged.Add(1, label);
            ServingMetrics.PushDuration.Record((now - sent.SentAt).TotalSeconds, label);
            type.Refused.Accept(sent.Resources);
            type.Status = type.Status with
            {
                AcknowledgedGeneration = sent.Generation,
                AcknowledgedAt = now,
                Rejected = type.Refused.ShowWith(type.Status.Rejected),
            };
        }
        else
        {
            ServingMetrics.Rejected.Add(1, label);
            string reason = Shorten(request.ErrorDetail.Message, ReasonCharsMax);
            type.Refused.Refuse(sent.Resources, reason);
            type.Status = type.Status with { Rejected = type.Refused.ShowWith(new RejectionStatus(sent.Generation, now, reason, [])) };
            Rejected(_logger, _caller.Node, TypeUrls.ShortName(request.TypeUrl), reason);
        }
    }

    private async Task SendDueAsync(IServerStreamWriter<DeltaDiscoveryResponse> responses, CancellationToken cancellation)
    {
        ImmutableDictionary<string, TypeSnapshot> current = _store.Current;
        List<string> policiesGone = [];
        foreach (string typeUrl in TypeUrls.All)
        {
            if (!_types.TryGetValue(typeUrl, out TypeState? type) || !current.TryGetValue(typeUrl, out TypeSnapshot? snapshot))
            {
                continue;
            }

            bool isFirst = !type.Subscription.HasResponded;
            if (type.Subscription.Advance(snapshot) is not { } update)
            {
                continue;
            }

            if (typeUrl == TypeUrls.Authorization && !isFirst && update.Removed.Count > 0)
            {
                // A policy goes only after the workloads that name it have been told: see TypeUrls.All.
                policiesGone = [.. update.Removed];
                update.Removed.Clear();
                if (update.Changed.Count == 0)
                {
                    continue;
                }
            }

            await SendAsync(responses, type, snapshot, update, cancellation);
        }

        if (policiesGone.Count > 0)
        {
            await SendAsync(
                responses,
                _types[TypeUrls.Authorization],
                current[TypeUrls.Authorization],
                new ResourceUpdate([], policiesGone),
                cancellation);
        }
    }

    private async Task SendAsync(
        IServerStreamWriter<DeltaDiscoveryResponse> responses,
        TypeState type,
        TypeSnapshot snapshot,
        ResourceUpdate update,
        CancellationToken cancellation)
    {
        string typeUrl = type.Status.TypeUrl;
        string nonce = (++_responseCount).ToString(CultureInfo.InvariantCulture);
        var response = new DeltaDiscoveryResponse
        {
            TypeUrl = typeUrl,
            Nonce = nonce,
            SystemVersionInfo = snapshot.Generation.ToString(CultureInfo.InvariantCulture),
        };
        response.Resources.AddRange(update.Changed.Select(resource => _readsWhole ? resource.Whole : resource.Message));
        response.RemovedResources.AddRange(update.Removed);

        int count = update.Changed.Count + update.Removed.Count;
        DateTimeOffset now = _time.GetUtcNow();
        Remember(nonce, new SentResponse(
            typeUrl,
            snapshot.Generation,
            now,
            [.. update.Changed.Select(resource => resource.Name), .. update.Removed]));
        type.Status = type.Status with
        {
            SentGeneration = snapshot.Generation,
            SentAt = now,
            SentResources = count,
        };
        PublishStatus();
        KeyValuePair<string, object?> label = new("type", TypeUrls.ShortName(typeUrl));
        ServingMetrics.Pushes.Add(1, label);
        ServingMetrics.ResourcesPushed.Add(count, label);
        try
        {
            await responses.WriteAsync(response, cancellation).WaitAsync(_writeTimeout, _time, cancellation);
        }
        catch (TimeoutException)
        {
            throw new RpcException(new Status(
                StatusCode.DeadlineExceeded,
                $"A response of {count} resources of the type {TypeUrls.ShortName(typeUrl)} was not taken within "
                + $"{_writeTimeout.TotalSeconds:0} s."));
        }
    }

    private void Remember(string nonce, SentResponse sent)
    {
        _unanswered[nonce] = sent;
        _unansweredOrder.Enqueue(nonce);
        while (_unansweredOrder.Count > UnansweredMax)
        {
            if (_unanswered.Remove(_unansweredOrder.Dequeue(), out SentResponse? forgotten))
            {
                _types[forgotten.TypeUrl].ForgottenSince ??= forgotten.SentAt;
            }
        }
    }

    private void PublishStatus()
    {
        ImmutableArray<TypeStatus> types =
        [
            .. TypeUrls.All.Where(_types.ContainsKey).Select(typeUrl => _types[typeUrl].Status with
            {
                Unanswered = _unanswered.Values.Count(sent => sent.TypeUrl == typeUrl),
                UnansweredSince = _types[typeUrl].ForgottenSince
                    ?? _unanswered.Values.Where(sent => sent.TypeUrl == typeUrl).Min(sent => (DateTimeOffset?)sent.SentAt),
            }),
        ];
        Volatile.Write(ref _status, Status with { Types = types });
    }

    private static string ShortName(string text) => Shorten(text, TypeSubscription.NameCharsMax);

    private static string Shorten(string text, int charsMax) =>
        text.Length <= charsMax ? text : string.Concat(text.AsSpan(0, charsMax), "…");

    [LoggerMessage(EventId = 1201, Level = LogLevel.Error, Message = "{Node} rejected {Type}: {Reason}")]
    private static partial void Rejected(ILogger logger, string node, string type, string reason);

    [LoggerMessage(EventId = 1202, Level = LogLevel.Warning, Message = "{Node} asks for {TypeUrl}, which is not served here.")]
    private static partial void UnsupportedType(ILogger logger, string node, string typeUrl);

    private sealed class TypeState(TypeSubscription subscription, TypeStatus status)
    {
        public TypeSubscription Subscription { get; } = subscription;

        public RefusedResources Refused { get; } = new();

        public TypeStatus Status { get; set; } = status;

        /// <summary>When the oldest response was sent of which nobody knows any more that it is unanswered; null for none.</summary>
        public DateTimeOffset? ForgottenSince { get; set; }
    }

    private sealed record SentResponse(string TypeUrl, long Generation, DateTimeOffset SentAt, ImmutableArray<string> Resources);
}
