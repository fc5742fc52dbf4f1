using System.Buffers;
using System.Runtime.CompilerServices;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>The way to an upstream: attempts, one after another.</summary>
internal sealed partial class OutboundExchange
{
    private readonly ArrayBufferWriter<byte> _texts = new();
    private MeshSnapshot _snapshot = null!;
    private Route? _route;
    private RouteMatch? _match;
    private WeightedDestination? _destination;
    private UpstreamGroup? _group;
    private Http1Upstream? _upstream;
    private LocalAnswer _failure = LocalAnswer.NoEndpoint;
    private ValueTask _upload;
    private bool _hasUpload;
    private bool _isUploading;
    private CopyEnd _uploadEnd;

    /// <summary>Nothing of the content was taken from the client, or there is none: the request can be sent once more.</summary>
    private bool IsContentUntouched =>
        !_client.Request.Body.HasContent || (_client.Content.ContentBytes == 0 && !_client.Content.IsComplete);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask ForwardAsync(ForwardAction? action)
    {
        RetryPolicy retries = action?.Retries ?? RetryPolicy.Default;
        if (action?.Timeout is TimeSpan limit)
        {
            _requestTimer.Arm(limit);
        }

        if (action?.Fault is FaultPolicy fault && await TryFaultAsync(fault))
        {
            return;
        }

        int retried = 0;
        bool isStaleTried = false;
        while (true)
        {
            _isAttemptLate = false;
            if (retries.AttemptTimeout is TimeSpan attemptLimit)
            {
                _attemptTimer.Arm(attemptLimit);
            }

            Attempt attempt = await AttemptAsync(action, isFresh: isStaleTried);
            _attemptTimer.Cancel();
            if (IsCut)
            {
                await DropUpstreamAsync();
                _failure = _isLate ? LocalAnswer.TimedOut : _failure;
                break;
            }

            if (attempt.IsStale && !isStaleTried && IsContentUntouched)
            {
                // The server closed a connection just when it was used again: the request was not seen (RFC 9112 §9.3.1, RFC 9110 §9.2.2).
                isStaleTried = true;
                await DropUpstreamAsync();
                continue;
            }

            bool mayRetry = attempt.MayRetry && retried < retries.Retries && IsContentUntouched && retries.Allows(attempt.Outcome);
            if (!mayRetry)
            {
                if (attempt.Outcome.Kind == AttemptOutcomeKind.Answered && _upstream is not null)
                {
                    if (retried > 0 && retried == retries.Retries && retries.Allows(attempt.Outcome))
                    {
                        _record.Flags |= ResponseFlag.UpstreamRetryLimitExceeded;
                    }

                    await RelayAnswerAsync();
                    return;
                }

                break;
            }

            await DropUpstreamAsync();
            retried++;
            if (!await PauseAsync(retries.PauseBefore(retried, ref _context.Random)))
            {
                _failure = _isLate ? LocalAnswer.TimedOut : _failure;
                break;
            }
        }

        if (retried > 0 && retried == retries.Retries)
        {
            _record.Flags |= ResponseFlag.UpstreamRetryLimitExceeded;
        }

        await DropUpstreamAsync();
        await AnswerAsync(_failure);
    }

    /// <summary>One attempt, to the head of an answer or to why there is none; then <see cref="_failure"/> says it to the client.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Attempt> AttemptAsync(ForwardAction? action, bool isFresh)
    {
        if (!TryChoose(action, out EndpointChoice choice))
        {
            return Attempt.None;
        }

        Workload endpoint = choice.Workload!;
        _record.Attempts++;
        _context.CountOpen(endpoint);
        try
        {
            _group = _server.Origin.Pod.UpstreamsOn(_context).GroupOf(KeyOf(choice), endpoint, _record.Service);
            _record.Upstream = _group.Target;
            UpstreamResult result = await _group.GetAsync(_wait, isFresh, _server.Dialer);
            if (result.Upstream is null)
            {
                _record.UpstreamFailure = result.Detail;
                if (result.Reason == CloseReason.TunnelDenied)
                {
                    _failure = LocalAnswer.Denied;
                    return Attempt.None;
                }

                _failure = result.Reason == CloseReason.ConnectTimeout ? LocalAnswer.ConnectTimedOut
                    : _isAttemptLate ? LocalAnswer.AttemptTimedOut
                    : LocalAnswer.ConnectFailed;
                return Attempt.Failed(_isAttemptLate ? AttemptOutcomeKind.AttemptTimeout : AttemptOutcomeKind.ConnectFailure);
            }

            _upstream = result.Upstream;
            return IsCut || _isAttemptLate ? Broken(result.IsReused) : await ExchangeAsync(result.IsReused);
        }
        finally
        {
            _context.CountClosed(endpoint);
        }
    }

    /// <summary>Sends the request over the connection, and reads the head of its answer.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Attempt> ExchangeAsync(bool isReused)
    {
        Http1Upstream upstream = _upstream!;
        if (upstream.TryBegin(_head) is not IContentWriter writer)
        {
            _failure = LocalAnswer.Unsayable;
            return Attempt.None;
        }

        if (_client.Request.Body.HasContent)
        {
            BeginUpload(writer, upstream);
        }
        else
        {
            writer.TryEnd(s_noTrailers);
            if (!await writer.FlushAsync())
            {
                return Broken(isReused);
            }
        }

        while (true)
        {
            switch (await upstream.ReadHeadAsync(_response))
            {
                case ResponseRead.Head when _response.IsInformational:
                    // Who did not ask for it is not told to go on; other informational answers are for whoever understands them.
                    if ((_response.Status != 100 || _client.Request.ExpectsContinue) && !await _client.InformAsync(_response))
                    {
                        return Broken(isReused);
                    }

                    continue;
                case ResponseRead.Head:
                    _record.FirstUpstreamByteMs = _context.Loop.NowMs;
                    return new Attempt(
                        AttemptOutcome.Answered(_response.Status, GrpcStatusOf(_response)), MayRetry: true, IsStale: false);
                case ResponseRead.Refused:
                    _failure = LocalAnswer.UpstreamMalformed;
                    return Attempt.Failed(AttemptOutcomeKind.Reset);
                default:
                    return Broken(isReused);
            }
        }
    }

    /// <summary>Passes the answer on. What breaks from here on breaks the client's connection: it has part of an answer.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask RelayAnswerAsync()
    {
        Http1Upstream upstream = _upstream!;
        ChangeResponse();
        _record.ResponseCode = _response.Status;
        _record.Details = ResponseDetails.ViaUpstream;
        if (_client.TryRespond(_response) is not IContentWriter writer)
        {
            await DropUpstreamAsync();
            await AnswerAsync(LocalAnswer.UpstreamMalformed);
            return;
        }

        CopyEnd end;
        if (_response.Body.Kind == BodyKind.Tunnel)
        {
            end = await TunnelAsync(upstream, writer);
        }
        else
        {
            end = await ContentCopy.CopyAsync(upstream.Content, writer);
        }

        _record.ResponseBytes = upstream.Content.ContentBytes;
        ReadTrailers(upstream);
        if (end != CopyEnd.Completed)
        {
            _record.Flags |= FlagOf(end);
            _record.Details = DetailsOf(end);
            _client.Abort();
        }

        await StopUploadAsync();
        ReleaseUpstream();
    }

    /// <summary>Both directions of a tunnel, each to its own end.</summary>
    private async ValueTask<CopyEnd> TunnelAsync(Http1Upstream upstream, IContentWriter writer)
    {
        _requestTimer.Cancel();
        BeginUpload(upstream.TunnelWriter, upstream);
        CopyEnd end = await ContentCopy.CopyAsync(upstream.Content, writer);
        if (end != CopyEnd.Completed)
        {
            upstream.Abort();
            _client.Abort();
        }

        await EndUploadAsync();
        return end == CopyEnd.Completed ? _uploadEnd : end;
    }

    private void BeginUpload(IContentWriter writer, Http1Upstream upstream)
    {
        _hasUpload = true;
        _isUploading = true;
#pragma warning disable CA2012 // Awaited once, by EndUploadAsync.
        _upload = UploadAsync(writer, upstream);
#pragma warning restore CA2012
    }

    /// <summary>Sends the request's content, beside the wait for the answer.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask UploadAsync(IContentWriter writer, Http1Upstream upstream)
    {
        CopyEnd end = await ContentCopy.CopyAsync(_client.Content, writer);
        _uploadEnd = end;
        if (end == CopyEnd.Completed)
        {
            _record.ReceivedMs = _context.Loop.NowMs;
        }
        else if (end != CopyEnd.WriterGone)
        {
            // The upstream must not take what it has for the whole of it. It may have answered before it closed: that is still read.
            _failure = end is CopyEnd.ReaderRefused or CopyEnd.LengthMismatch ? LocalAnswer.Malformed : _failure;
            upstream.Abort();
        }

        _isUploading = false;
    }

    /// <summary>Ends an upload that the answer did not wait for.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    private async ValueTask StopUploadAsync()
    {
        if (_isUploading)
        {
            _upstream?.Abort();
        }

        if (_isUploading)
        {
            _client.Content.CancelRead();
        }

        await EndUploadAsync();
        _client.Content.ForgetCancel();
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
}
