using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Authentication;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Grpc;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Exchanges;

/// <summary>
/// One request and its answer, whatever way it takes. 1. Decided: what becomes of it. 2. Sent to an upstream, where it is. 3. Answered, by
/// the upstream or by us. 4. Counted, once.
/// </summary>
/// <remarks>
/// Used for one request after another. Whatever ends it early (the client, a time limit, a policy) ends what it waits for. Lives on one
/// loop.
/// </remarks>
internal abstract partial class ProxiedExchange : IClientWatch, ITimerHandler
{
    private static readonly HeaderList s_noTrailers = new();

    private readonly UpstreamWait _wait;
    private readonly LoopTimer _requestTimer;
    private readonly LoopTimer _attemptTimer;
    private readonly LoopTimer _pauseTimer;
    private readonly LoopCompletion<bool> _pause;
    private readonly GrpcMessageCounter _requestMessages = new();
    private readonly GrpcMessageCounter _answerMessages = new();

    /// <param name="context">The loop.</param>
    /// <param name="pod">Whose buffers hold what is kept of requests.</param>
    protected ProxiedExchange(LoopContext context, EnrolledPod pod)
    {
        Context = context;
        Content = new RequestContent(new RecordedBytes(context.Loop.Buffers, pod.Buffers));
        _wait = new UpstreamWait(context.Loop);
        _requestTimer = new LoopTimer(context.Loop, this);
        _attemptTimer = new LoopTimer(context.Loop, this);
        _pauseTimer = new LoopTimer(context.Loop, this);
        _pause = new LoopCompletion<bool>(context.Loop);
    }

    protected LoopContext Context { get; }

    /// <summary>What is known of the request.</summary>
    protected RequestRecord Record { get; } = new();

    /// <summary>The request as it is sent to an upstream.</summary>
    protected RequestHead Head { get; } = new();

    /// <summary>The answer as it is sent to the client.</summary>
    protected ResponseHead Response { get; } = new();

    /// <summary>The request as it came, and the way back.</summary>
    protected ClientExchange Client { get; private set; } = null!;

    /// <summary>The request's content as upstreams are given it.</summary>
    protected RequestContent Content { get; }

    /// <summary>What the client is told when no upstream answers.</summary>
    protected LocalAnswer Failure { get; set; } = LocalAnswer.NoEndpoint;

    /// <summary>Whether it is to come to its end without an answer of an upstream.</summary>
    protected bool IsCut => _isClientGone || _isLate || _isRevoked;

    /// <summary>The time limit of one attempt has passed.</summary>
    protected bool IsAttemptLate { get; private set; }

    private bool _isClientGone;
    private bool _isLate;
    private bool _isRevoked;
    private bool _isToldToContinue;
    private bool _isTakingAhead;

    /// <summary>Grows when a request begins and when it ends.</summary>
    private uint _phase;

    /// <summary>Answers a request.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    public async ValueTask ServeAsync(ClientExchange client)
    {
        _phase++;
        Client = client;
        _isClientGone = client.IsGone;
        _isLate = false;
        _isRevoked = false;
        _isToldToContinue = false;
        Failure = LocalAnswer.NoEndpoint;
        Content.Begin(client.Content);
        _requestMessages.Begin();
        _answerMessages.Begin();
        Context.Requests.Began(Record, Connection, Context.Loop.NowMs, Context.Snapshot.HasLoggedWorkloads);
        client.Watch = this;
        try
        {
            await DecideAsync();
        }
        finally
        {
            client.Watch = null;
            _requestTimer.Cancel();
            _attemptTimer.Cancel();
            AbandonUpstream();
            Content.End();
            Complete();
            _phase++;
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
        IsAttemptLate |= timer == _attemptTimer;
        Cut();
    }

    /// <summary>The connection it came on.</summary>
    protected abstract ConnectionRecord Connection { get; }

    /// <summary>Decides what becomes of the request, and brings it about.</summary>
    protected abstract ValueTask DecideAsync();

    /// <summary>Ends what an authorizer is asked; false when none is.</summary>
    protected virtual bool TryEndCheck() => false;

    /// <summary>
    /// Takes content from the client ahead of any upstream: so many bytes or all there is. A client that waits to be told to go on is told.
    /// </summary>
    /// <returns>As <see cref="RequestContent.TakeAsync"/> has it.</returns>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    protected async ValueTask<ContentStatus> TakeAheadAsync(long bytesMax)
    {
        if (Client.Request.ExpectsContinue && !_isToldToContinue)
        {
            _isToldToContinue = true;
            Response.Clear();
            Response.Status = 100;
            if (!await Client.InformAsync(Response))
            {
                return ContentStatus.Broken;
            }
        }

        _isTakingAhead = !IsCut;
        ContentStatus status = _isTakingAhead ? await Content.TakeAsync(bytesMax) : ContentStatus.Cancelled;
        _isTakingAhead = false;
        Content.ForgetCancel();
        return status;
    }

    /// <summary>Changes the head of an answer before it is sent.</summary>
    /// <param name="isOfUpstream">False for an answer of ours.</param>
    protected virtual void ChangeAnswer(bool isOfUpstream)
    {
    }

    /// <summary>The request is counted and over: what only it needed is let go.</summary>
    protected virtual void OnCompleted()
    {
    }

    /// <summary>Gives the whole request a time limit.</summary>
    protected void LimitRequest(TimeSpan limit) => _requestTimer.Arm(limit);

    /// <summary>Begins an attempt, with a time limit where there is one.</summary>
    protected void BeginAttempt(TimeSpan? limit)
    {
        IsAttemptLate = false;
        if (limit is TimeSpan given)
        {
            _attemptTimer.Arm(given);
        }
    }

    protected void EndAttempt() => _attemptTimer.Cancel();

    /// <summary>Ends the request by a rule that has changed: it is answered so where it still can be.</summary>
    protected void EndBy(LocalAnswer answer, string details)
    {
        _isRevoked = true;
        Failure = answer;
        Record.Details = details;
        Cut();
    }

    /// <summary>Waits before a further attempt, or for a delay that was asked for; false when the request was cut meanwhile.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    protected async ValueTask<bool> PauseAsync(TimeSpan duration)
    {
        if (duration > TimeSpan.Zero && !IsCut)
        {
            ValueTask<bool> paused = _pause.WaitAsync();
            _pauseTimer.Arm(duration);
            await paused;
            _pauseTimer.Cancel();
        }

        return !IsCut;
    }

    /// <summary>Answers in the upstream's place.</summary>
    protected ValueTask AnswerAsync(LocalAnswer answer)
    {
        Record.Flags |= answer.Flag;
        Record.Details ??= answer.Details;
        if (_isClientGone || Client.HasResponded)
        {
            return ValueTask.CompletedTask;
        }

        answer.Write(Response, Record.IsGrpc);
        if (answer.IsChallenge)
        {
            TokenAnswers.Challenge(Client.Request, Response.Fields);
        }

        if (Record.IsGrpc)
        {
            Record.GrpcStatus = answer.GrpcStatus;
        }

        return SendAsync(Record.IsGrpc ? default : answer.Content);
    }

    /// <summary>Sends the head that was made, and content that is there.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    protected async ValueTask SendAsync(ReadOnlySequence<byte> content)
    {
        ChangeAnswer(isOfUpstream: false);
        Record.ResponseCode = Response.Status;
        IContentWriter? writer = Client.TryRespond(Response);
        if (writer is null)
        {
            // Who asks for a tunnel over HTTP/2 takes every success for one.
            Response.Status = 502;
            Record.ResponseCode = Response.Status;
            writer = Client.TryRespond(Response) ?? throw new UnreachableException("An answer of ours that cannot be said.");
        }

        if (!content.IsEmpty && !Client.Request.IsHead)
        {
            writer.TryWrite(content);
            Record.ResponseBytes = content.Length;
        }

        writer.TryEnd(s_noTrailers);
        await writer.FlushAsync();
    }

    /// <summary>Ends whatever is waited for.</summary>
    private void Cut()
    {
        // Whoever waited goes on within the call: to a further attempt, to the end, even to another request, none of which is meant. So
        // one thing is ended, what it is was settled before, and what is left to do is left where the request is another by then.
        uint phase = _phase;
        UpstreamExchange? upstream = _upstream;
        if (_isTakingAhead)
        {
            Content.CancelRead();
        }
        else if (!_wait.TryCancel() && !_pause.TryComplete(false) && !TryEndCheck())
        {
            upstream?.Abort();
        }

        if (phase == _phase && !_isClientGone && IsCut && Client.HasResponded)
        {
            Client.Abort();
        }
    }

    private void Complete()
    {
        if (_isClientGone)
        {
            Record.Flags |= Client.HasStalled ? ResponseFlag.StreamIdleTimeout : ResponseFlag.DownstreamConnectionTermination;
            Record.Details ??= Client.HasStalled ? ResponseDetails.StreamIdleTimeout : ResponseDetails.DownstreamRemoteDisconnect;
        }

        Record.RequestBytes = Client.Content.ContentBytes;
        Record.RequestMessages = _requestMessages.Messages;
        Record.ResponseMessages = _answerMessages.Messages;
        Context.Requests.Completed(Record, Context.Loop.NowMs);
        OnCompleted();
    }
}
