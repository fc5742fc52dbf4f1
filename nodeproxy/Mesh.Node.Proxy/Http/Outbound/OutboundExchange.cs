using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>
/// One request of a captured client and its answer. 1. Routed. 2. Sent to an endpoint, more than once where that is allowed. 3. Answered,
/// by the upstream or by us. 4. Counted, once.
/// </summary>
/// <remarks>Used for one request after another. Whatever ends it early (the client, a time limit) ends what it waits for.</remarks>
internal sealed partial class OutboundExchange : IClientWatch, ITimerHandler
{
    private static readonly HeaderList s_noTrailers = new();

    private readonly OutboundServer _server;
    private readonly LoopContext _context;
    private readonly RequestRecord _record = new();
    private readonly RequestHead _head = new();
    private readonly ResponseHead _response = new();
    private readonly UpstreamWait _wait;
    private readonly LoopTimer _requestTimer;
    private readonly LoopTimer _attemptTimer;
    private readonly LoopTimer _pauseTimer;
    private readonly LoopCompletion<bool> _pause;
    private ClientExchange _client = null!;
    private bool _isClientGone;
    private bool _isLate;
    private bool _isAttemptLate;

    public OutboundExchange(OutboundServer server)
    {
        _server = server;
        _context = server.Origin.Context;
        _wait = new UpstreamWait(_context.Loop);
        _requestTimer = new LoopTimer(_context.Loop, this);
        _attemptTimer = new LoopTimer(_context.Loop, this);
        _pauseTimer = new LoopTimer(_context.Loop, this);
        _pause = new LoopCompletion<bool>(_context.Loop);
    }

    private bool IsCut => _isClientGone || _isLate;

    /// <summary>Answers a request.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask ServeAsync(ClientExchange client)
    {
        _client = client;
        _isClientGone = client.IsGone;
        _isLate = false;
        _destination = null;
        _failure = LocalAnswer.NoEndpoint;
        _context.Requests.Began(_record, _server.Connection, _context.Loop.NowMs);
        _record.Service = _server.Service;
        _record.Port = _server.Port;
        _record.SetRequest(client.Request);
        client.Watch = this;
        try
        {
            await AnswerAsync();
        }
        finally
        {
            client.Watch = null;
            _requestTimer.Cancel();
            Complete();
        }
    }

    void IClientWatch.OnClientGone()
    {
        _isClientGone = true;
        Cut();
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        if (timer == _pauseTimer)
        {
            _pause.TryComplete(true);
            return;
        }

        _isLate |= timer == _requestTimer;
        _isAttemptLate |= timer == _attemptTimer;
        Cut();
    }

    /// <summary>Ends whatever is waited for.</summary>
    private void Cut()
    {
        _wait.Cancel();
        _pause.TryComplete(false);
        _upstream?.Abort();
        if (_isLate && _client.HasResponded)
        {
            _client.Abort();
        }
    }

    private ValueTask AnswerAsync()
    {
        // 1. One snapshot decides all of it.
        _snapshot = _context.Snapshot;
        RouteTable? routes = _snapshot.FindTraffic(_server.Service.Key)?.RoutesOf(_server.Port, _server.Origin.Source.Namespace);
        _route = null;
        _match = null;
        if (routes is null)
        {
            return ForwardAsync(null);
        }

        var facts = new RequestFacts(_client.Request, _server.Origin.Source, _context.Joined);
        if (!routes.TryFind(in facts, out _route, out _match))
        {
            return AnswerAsync(LocalAnswer.NoRoute);
        }

        _record.RouteName = _route.Name;
        switch (_route.Action)
        {
            case ForwardAction forward:
                return ForwardAsync(forward);
            case RedirectAction redirect:
                _response.Clear();
                _response.Status = redirect.Status;
                _response.Body = BodyFraming.OfLength(0);
                _texts.ResetWrittenCount();
                redirect.WriteLocation(in facts, _match, _texts);
                _response.Fields.Add("location"u8, _texts.WrittenSpan);
                return AnswerDirectlyAsync(default);
            case DirectResponseAction direct:
                _response.Clear();
                _response.Status = direct.Status;
                _response.Body = BodyFraming.OfLength(direct.Body.Length);
                return AnswerDirectlyAsync(new ReadOnlySequence<byte>(direct.Body.AsMemory()));
            default:
                throw new UnreachableException($"A route of a kind that has no meaning here: {_route.Action.GetType().Name}.");
        }
    }

    private ValueTask AnswerDirectlyAsync(ReadOnlySequence<byte> content)
    {
        _record.Details = ResponseDetails.DirectResponse;
        HeaderChanges.Apply(_route!.ResponseHeaders, _response.Fields);
        return SendAsync(content);
    }

    /// <summary>Answers in the upstream's place.</summary>
    private ValueTask AnswerAsync(LocalAnswer answer)
    {
        _record.Flags |= answer.Flag;
        _record.Details ??= answer.Details;
        if (_isClientGone || _client.HasResponded)
        {
            return ValueTask.CompletedTask;
        }

        answer.Write(_response, _record.IsGrpc);
        if (_record.IsGrpc)
        {
            _record.GrpcStatus = answer.GrpcStatus;
        }

        if (_route is not null)
        {
            HeaderChanges.Apply(_route.ResponseHeaders, _response.Fields);
        }

        return SendAsync(_record.IsGrpc ? default : answer.Content);
    }

    /// <summary>Sends the head that was made, and content that is there.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask SendAsync(ReadOnlySequence<byte> content)
    {
        _record.ResponseCode = _response.Status;
        if (_client.TryRespond(_response) is not IContentWriter writer)
        {
            throw new UnreachableException("An answer of ours that cannot be said.");
        }

        if (!content.IsEmpty && !_client.Request.IsHead)
        {
            writer.TryWrite(content);
            _record.ResponseBytes = content.Length;
        }

        writer.TryEnd(s_noTrailers);
        await writer.FlushAsync();
    }

    private void Complete()
    {
        if (_isClientGone)
        {
            _record.Flags |= ResponseFlag.DownstreamConnectionTermination;
            _record.Details ??= ResponseDetails.DownstreamRemoteDisconnect;
        }

        _record.RequestBytes = _client.Content.ContentBytes;
        _context.Requests.Completed(_record, _context.Loop.NowMs);
        _snapshot = null!;
        _route = null;
        _match = null;
    }
}
