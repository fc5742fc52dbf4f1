using System.Buffers.Text;
using System.Runtime.CompilerServices;
using Mesh.Node.Model.Retries;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Exchanges;

/// <summary>The upstream's side: the request is sent, its content beside the wait for the answer, and the answer passed on.</summary>
internal abstract partial class ProxiedExchange
{
    private UpstreamExchange? _upstream;
    private ValueTask _upload;
    private bool _hasUpload;
    private bool _isUploading;
    private CopyEnd _uploadEnd;

    /// <summary>There is no content, or all that was taken from the client is kept: the request can be sent once more.</summary>
    protected bool CanSendAgain => !Client.Request.Body.HasContent || Content.CanRewind;

    /// <summary>Whether an upstream has answered and waits for its answer to be passed on.</summary>
    protected bool HasAnswer => _upstream is not null;

    /// <summary>Sends <see cref="Head"/> over a connection of a group: to the head of an answer, or to why there is none.</summary>
    /// <param name="group">Where it goes.</param>
    /// <param name="isFresh">Over a connection that has served no other request.</param>
    /// <param name="dialer">Makes connections of the group.</param>
    /// <param name="circuit">Counts them; null where nothing limits them.</param>
    protected ValueTask<Attempt> AttemptAsync(UpstreamGroup group, bool isFresh, IUpstreamDialer dialer, Circuit? circuit = null)
    {
        if (IsCut || IsAttemptLate)
        {
            // While it was being admitted, say: nobody would end a wait that begins now.
            Failure = IsAttemptLate ? LocalAnswer.AttemptTimedOut : Failure;
            OnConnected();
            return new ValueTask<Attempt>(IsAttemptLate ? Attempt.Failed(AttemptOutcomeKind.AttemptTimeout) : Attempt.None);
        }

        Record.Upstream = group.Target;
        Record.Attempts++;
        ValueTask<UpstreamResult> result = group.GetAsync(_wait, isFresh, dialer, circuit);
#pragma warning disable VSTHRD103 // It has completed: nothing blocks.
        return result.IsCompletedSuccessfully ? AttemptOverAsync(result.Result) : AttemptWhenAsync(result);
#pragma warning restore VSTHRD103
    }

    /// <summary>Passes the answer on. What breaks from here on breaks the client's connection: it has part of an answer.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    protected async ValueTask RelayAnswerAsync()
    {
        UpstreamExchange upstream = _upstream!;
        Content.Forget();
        ChangeAnswer(isOfUpstream: true);
        Record.ResponseCode = Response.Status;
        Record.Details = ResponseDetails.ViaUpstream;
        if (Client.TryRespond(Response) is not IContentWriter writer)
        {
            await DropUpstreamAsync();
            Record.Details = null;
            await AnswerAsync(LocalAnswer.UpstreamMalformed);
            return;
        }

        CopyEnd end = Response.Body.Kind == BodyKind.Tunnel
            ? await TunnelAsync(upstream, writer)
            : await ContentCopy.CopyAsync(upstream.Content, writer, Record.IsGrpc ? _answerMessages : null);
        Record.ResponseBytes = upstream.Content.ContentBytes;
        ReadGrpcStatus(upstream);
        if (end != CopyEnd.Completed)
        {
            Record.Flags |= FlagOf(end);
            Record.Details = _isRevoked ? Record.Details : DetailsOf(end);
            Client.Abort();
        }

        await StopUploadAsync();
        ReleaseUpstream();
    }

    /// <summary>Cuts the connection off, if there is one: what it still brings is for nobody.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    protected async ValueTask DropUpstreamAsync()
    {
        _upstream?.Abort();
        await StopUploadAsync();
        ReleaseUpstream();
    }

    /// <summary>The answer that stands for what has cut the request.</summary>
    protected LocalAnswer AnswerOfCut() => _isLate ? LocalAnswer.TimedOut : Failure;

    /// <summary>The wait for a connection is over.</summary>
    protected virtual void OnConnected()
    {
    }

    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private async ValueTask<Attempt> AttemptWhenAsync(ValueTask<UpstreamResult> result) => await AttemptOverAsync(await result);

    private ValueTask<Attempt> AttemptOverAsync(in UpstreamResult result)
    {
        OnConnected();
        if (result.Exchange is null)
        {
            return ValueTask.FromResult(Unconnected(result));
        }

        _upstream = result.Exchange;
        return IsCut || IsAttemptLate ? ValueTask.FromResult(Broken(result.IsReused)) : ExchangeAsync(result.Exchange, result.IsReused);
    }

    private Attempt Unconnected(in UpstreamResult result)
    {
        if (_isRevoked)
        {
            // What ended the wait has said why.
            return Attempt.None;
        }

        Record.UpstreamFailure = result.Detail;
        if (result.Reason == CloseReason.TunnelDenied)
        {
            Failure = LocalAnswer.Denied;
            return Attempt.None;
        }

        Failure = IsAttemptLate ? LocalAnswer.AttemptTimedOut
            : result.Reason == CloseReason.ConnectTimeout ? LocalAnswer.ConnectTimedOut
            : LocalAnswer.ConnectFailed;
        return Attempt.Failed(IsAttemptLate ? AttemptOutcomeKind.AttemptTimeout : AttemptOutcomeKind.ConnectFailure);
    }

    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private async ValueTask<Attempt> ExchangeAsync(UpstreamExchange upstream, bool isReused)
    {
        if (upstream.TryBegin(Head) is not IContentWriter writer)
        {
            return Unbegun(upstream, isReused);
        }

        if (Client.Request.Body.HasContent)
        {
            Content.Rewind();
            BeginUpload(writer, upstream);
        }
        else
        {
            writer.TryEnd(s_noTrailers);
            Record.ReceivedMs = Context.Loop.NowMs;
            if (!await writer.FlushAsync())
            {
                return Broken(isReused);
            }
        }

        while (true)
        {
            switch (await upstream.ReadHeadAsync(Response))
            {
                case ResponseRead.Head when Response.IsInformational:
                    if (IsForClient(Response) && !await Client.InformAsync(Response))
                    {
                        return Broken(isReused);
                    }

                    continue;
                case ResponseRead.Head:
                    Record.FirstUpstreamByteMs = Context.Loop.NowMs;
                    int? grpcStatus = GrpcStatusOf(Response);
                    return new Attempt(
                        AttemptOutcome.Answered(Response.Status, grpcStatus, IsRateLimited(Response, grpcStatus)),
                        MayRetry: true,
                        IsStale: false);
                case ResponseRead.Refused:
                    Failure = LocalAnswer.UpstreamMalformed;
                    return Attempt.Failed(AttemptOutcomeKind.Reset);
                default:
                    return Broken(isReused);
            }
        }
    }

    /// <summary>
    /// Who did not ask for it is not told to go on, nor told twice, by an upstream after another; other informational answers are for
    /// whoever understands them.
    /// </summary>
    private bool IsForClient(ResponseHead informational)
    {
        if (informational.Status != 100)
        {
            return true;
        }

        bool isAwaited = Client.Request.ExpectsContinue && !_isToldToContinue;
        _isToldToContinue = true;
        return isAwaited;
    }

    /// <summary>Both directions of a tunnel, each to its own end.</summary>
    private async ValueTask<CopyEnd> TunnelAsync(UpstreamExchange upstream, IContentWriter writer)
    {
        _requestTimer.Cancel();
        BeginUpload(upstream.TunnelWriter, upstream);
        CopyEnd end = await ContentCopy.CopyAsync(upstream.Content, writer);
        if (end != CopyEnd.Completed)
        {
            upstream.Abort();
            Client.Abort();
        }

        await EndUploadAsync();
        return end == CopyEnd.Completed ? _uploadEnd : end;
    }

    private Attempt Unbegun(UpstreamExchange upstream, bool isReused)
    {
        switch (upstream.Break)
        {
            case UpstreamBreak.Refused or UpstreamBreak.Aborted:
                return Broken(isReused);
            case UpstreamBreak.UpgradeUnknown:
                Failure = LocalAnswer.UpstreamRefused;
                return Attempt.Failed(AttemptOutcomeKind.RefusedStream) with { WantsHttp1 = true };
            default:
                Failure = LocalAnswer.Unsayable;
                return Attempt.None;
        }
    }

    private void BeginUpload(IContentWriter writer, UpstreamExchange upstream)
    {
        _hasUpload = true;
        _isUploading = true;
#pragma warning disable CA2012 // Awaited once, by EndUploadAsync.
        _upload = UploadAsync(writer, upstream);
#pragma warning restore CA2012
    }

    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    private async ValueTask UploadAsync(IContentWriter writer, UpstreamExchange upstream)
    {
        // What is sent once more was the client's once.
        _requestMessages.Begin();
        CopyEnd end = await ContentCopy.CopyAsync(Content, writer, Record.IsGrpc ? _requestMessages : null);
        _uploadEnd = end;
        if (end == CopyEnd.Completed)
        {
            Record.ReceivedMs = Context.Loop.NowMs;
        }
        else if (end != CopyEnd.WriterGone)
        {
            // The upstream must not take what it has for the whole of it. It may have answered before it closed: that is still read.
            Failure = end is CopyEnd.ReaderRefused or CopyEnd.LengthMismatch ? LocalAnswer.Malformed : Failure;
            upstream.Abort();
        }

        _isUploading = false;
    }

    /// <summary>Ends an upload that the answer did not wait for.</summary>
    private ValueTask StopUploadAsync() => _hasUpload ? EndUploadEarlyAsync() : ValueTask.CompletedTask;

    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    private async ValueTask EndUploadEarlyAsync()
    {
        if (_isUploading)
        {
            _upstream?.Abort();
        }

        if (_isUploading)
        {
            Content.CancelRead();
        }

        await EndUploadAsync();
        Content.ForgetCancel();
    }

    private ValueTask EndUploadAsync()
    {
        if (!_hasUpload)
        {
            return ValueTask.CompletedTask;
        }

        _hasUpload = false;
        return _upload;
    }

    /// <summary>Gives the exchange back: its connection serves others where it can.</summary>
    private void ReleaseUpstream()
    {
        if (_upstream is UpstreamExchange upstream)
        {
            _upstream = null;
            upstream.Release();
        }
    }

    /// <summary>After a fault of ours: a connection that is left over is not used again.</summary>
    private void AbandonUpstream()
    {
        _upstream?.Abort();
        ReleaseUpstream();
    }

    /// <summary>The exchange ended before it gave an answer.</summary>
    private Attempt Broken(bool isReused)
    {
        UpstreamBreak why = _upstream!.Break;
        if (Failure != LocalAnswer.Malformed && !_isRevoked)
        {
            Failure = IsAttemptLate ? LocalAnswer.AttemptTimedOut
                : why == UpstreamBreak.Refused ? LocalAnswer.UpstreamRefused
                : why == UpstreamBreak.Reset ? LocalAnswer.UpstreamReset
                : LocalAnswer.UpstreamClosed;
        }

        if (why == UpstreamBreak.Refused && !IsAttemptLate)
        {
            return Attempt.Failed(AttemptOutcomeKind.RefusedStream, isStale: !IsCut);
        }

        bool isStale = isReused && !IsAttemptLate && !IsCut && _upstream is { HasResponse: false } && IsIdempotent(Client.Request.Method);
        return Attempt.Failed(IsAttemptLate ? AttemptOutcomeKind.AttemptTimeout : AttemptOutcomeKind.Reset, isStale);
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

    /// <summary>Whether the answer is that of a limit; what is well is not looked at.</summary>
    private static bool IsRateLimited(ResponseHead head, int? grpcStatus) =>
        (head.Status >= 400 || grpcStatus is not null) && head.Fields.TryGet("x-envoy-ratelimited"u8, out _);

    private void ReadGrpcStatus(UpstreamExchange upstream)
    {
        if (Record.IsGrpc
            && (upstream.Content.Trailers.TryGet("grpc-status"u8, out ReadOnlySpan<byte> status)
                || Response.Fields.TryGet("grpc-status"u8, out status)))
        {
            Record.SetGrpcStatus(status);
        }
    }

    private ResponseFlag FlagOf(CopyEnd end) => end switch
    {
        _ when _isLate => ResponseFlag.UpstreamRequestTimeout,
        _ when _isClientGone => Client.HasStalled ? ResponseFlag.StreamIdleTimeout : ResponseFlag.DownstreamConnectionTermination,
        _ when _isRevoked => ResponseFlag.None,
        CopyEnd.WriterGone => ResponseFlag.DownstreamConnectionTermination,
        CopyEnd.ReaderRefused or CopyEnd.LengthMismatch => ResponseFlag.UpstreamProtocolError,
        CopyEnd.ReaderBroken when _upstream is { Break: UpstreamBreak.Reset or UpstreamBreak.Refused } => ResponseFlag.UpstreamRemoteReset,
        _ => ResponseFlag.UpstreamConnectionTermination,
    };

    private string DetailsOf(CopyEnd end) => FlagOf(end) switch
    {
        ResponseFlag.UpstreamRequestTimeout => ResponseDetails.ResponseTimeout,
        ResponseFlag.DownstreamConnectionTermination => ResponseDetails.DownstreamRemoteDisconnect,
        ResponseFlag.StreamIdleTimeout => ResponseDetails.StreamIdleTimeout,
        ResponseFlag.UpstreamProtocolError => ResponseDetails.CutByProtocolError,
        ResponseFlag.UpstreamRemoteReset => ResponseDetails.CutByUpstream,
        _ => ResponseDetails.CutByConnectionTermination,
    };
}
