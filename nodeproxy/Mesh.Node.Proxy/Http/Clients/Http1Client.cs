using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Clients;

/// <summary>Serves a client that speaks HTTP/1: one request after the other, and after the last a tunnel perhaps.</summary>
/// <remarks>
/// A request that is pipelined waits until the one before it is answered. What is ambiguous is answered and closed, never passed on: no
/// byte after it is looked at. Lives on one loop.
/// </remarks>
internal sealed class Http1Client : ClientExchange, ITimerHandler
{
    /// <summary>How much of a request that was answered early is read and dropped.</summary>
    private const int RestBytesMax = 64 * 1024;

    /// <summary>How long that may take.</summary>
    private static readonly TimeSpan s_restTime = TimeSpan.FromSeconds(5);

    private readonly ConnectionContext _connection;
    private readonly IRequestServer _server;
    private readonly HttpLimits _limits;
    private readonly Http1Input _input;
    private readonly PipeWriter _output;
    private readonly Http1RequestReader _reader;
    private readonly Http1ContentReader _content;
    private readonly Http1ContentWriter _writer;
    private readonly LoopTimer _headTimer;
    private bool _isHeadLate;
    private bool _isToldToContinue;
    private bool _isDropping;
    private bool _isPersistent;
    private bool _isServing;
    private bool _isAborted;
    private bool _isDraining;

    public Http1Client(ConnectionContext connection, EventLoop loop, HttpLimits limits, IRequestServer server)
    {
        _connection = connection;
        _server = server;
        _limits = limits;
        _input = new Http1Input(connection.Transport.Input);
        _output = connection.Transport.Output;
        _reader = new Http1RequestReader(limits.Http1);
        _content = new Http1ContentReader(_input, limits.Http1);
        _writer = new Http1ContentWriter(_output);
        _headTimer = new LoopTimer(loop, this);
    }

    /// <inheritdoc/>
    public override IContentReader Content => _content;

    /// <inheritdoc/>
    public override bool IsGone => _isAborted || _connection.ConnectionClosed.IsCancellationRequested;

    /// <summary>Requests that were served.</summary>
    public long Requests { get; private set; }

    /// <summary>Serves requests until the connection is at its end. The caller disposes the connection.</summary>
    public async ValueTask<Http1ClientEnd> RunAsync()
    {
        using CancellationTokenRegistration registration = _connection.ConnectionClosed.UnsafeRegister(
            static client => ((Http1Client)client!).OnGone(), this);
        while (true)
        {
            Http1ClientEnd? end = await ReadHeadAsync();
            if (end is not null)
            {
                return end.Value;
            }

            Requests++;
            HasResponded = false;
            _isToldToContinue = false;
            _content.Begin(Request.Body);
            _isServing = true;
            await _server.ServeAsync(this);
            _isServing = false;
            Watch = null;
            if (!_isAborted && IsGone)
            {
                return Http1ClientEnd.Gone;
            }

            if (_isAborted || !HasResponded || !_writer.IsEnded)
            {
                Abort();
                return Http1ClientEnd.Aborted;
            }

            if (!_isPersistent && !_content.IsComplete)
            {
                // Closed with something unread the kernel would reset it, and the client might not see its answer.
                await _output.CompleteAsync();
                await TryDropRestAsync();
            }

            if (!_isPersistent || !await TryDropRestAsync())
            {
                return Http1ClientEnd.Completed;
            }
        }
    }

    /// <summary>The connection closes after the response under way, or now when there is none.</summary>
    public void BeginDrain()
    {
        _isDraining = true;
        if (!_isServing && _reader.IsIdle)
        {
            _input.CancelRead();
        }
    }

    /// <inheritdoc/>
    public override async ValueTask<bool> InformAsync(ResponseHead head)
    {
        _isToldToContinue |= head.Status == 100;
        Http1Writer.TryWriteResponse(head, Request, isPersistent: true, _output);
        FlushResult flushed = await _output.FlushAsync();
        return !flushed.IsCompleted;
    }

    /// <inheritdoc/>
    public override IContentWriter? TryRespond(ResponseHead head)
    {
        BodyFraming body = head.Body.For(Request.Protocol);

        // Who does not read all of a request cannot tell where the next one begins.
        bool isPersistent = Request.IsPersistent && CanReadToEnd && !_isDraining
            && body.Kind is not (BodyKind.UntilClose or BodyKind.Tunnel);
        if (!Http1Writer.TryWriteResponse(head, Request, isPersistent, _output))
        {
            return null;
        }

        HasResponded = true;
        _isPersistent = isPersistent;
        bool hasNone = Request.IsHead || head.Status is < 200 or 204 or 304;
        _writer.Begin(hasNone && body.Kind != BodyKind.Tunnel ? BodyFraming.None : body);
        if (body.Kind == BodyKind.Tunnel)
        {
            _content.Begin(BodyFraming.Tunnel);
        }

        return _writer;
    }

    /// <inheritdoc/>
    public override void Abort()
    {
        if (!_isAborted)
        {
            _isAborted = true;
            _connection.Abort();
        }
    }

    /// <summary>
    /// Whether what is left of the request may be read and dropped, as far as can be told before. Who waits to be told to send content may
    /// send it or not once it has its answer (RFC 9110 §10.1.1).
    /// </summary>
    private bool CanReadToEnd =>
        _content.IsComplete
        || ((!Request.ExpectsContinue || _isToldToContinue || _content.ContentBytes > 0)
            && (Request.Body.Kind != BodyKind.Length || Request.Body.ContentBytes - _content.ContentBytes <= RestBytesMax));

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        if (_isDropping)
        {
            _content.CancelRead();
            return;
        }

        _isHeadLate = true;
        _input.CancelRead();
    }

    /// <summary>Reads what is left of a request that was answered before its end; false when that is too much, or takes too long.</summary>
    private async ValueTask<bool> TryDropRestAsync()
    {
        if (_content.IsComplete)
        {
            return true;
        }

        long readMax = _content.ContentBytes + RestBytesMax;
        ContentRead read = new(ContentStatus.Content);
        _isDropping = true;
        _headTimer.Arm(s_restTime);
        while (read.Status == ContentStatus.Content && _content.ContentBytes <= readMax)
        {
            if (!_content.TryRead(out read))
            {
                read = await _content.ReadAsync();
            }

            if (read.Status == ContentStatus.Content)
            {
                _content.Advance();
            }
        }

        _headTimer.Cancel();
        _isDropping = false;
        _content.ForgetCancel();
        return read.Status == ContentStatus.End;
    }

    /// <summary>Reads the next head; null when there is one, else how the connection ends.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private async ValueTask<Http1ClientEnd?> ReadHeadAsync()
    {
        while (true)
        {
            if (!_input.TryRead(out InputRead read))
            {
                if (_isDraining && _reader.IsIdle)
                {
                    return Http1ClientEnd.Completed;
                }

                read = await _input.ReadAsync();
            }

            switch (read.Status)
            {
                case InputStatus.Broken:
                    _headTimer.Cancel();
                    return Http1ClientEnd.Gone;
                case InputStatus.Cancelled:
                    _input.AdvanceTo(read.Buffer.Start);
                    if (_isHeadLate)
                    {
                        return await RefuseAsync(408, "request_header_timeout", Http1ClientEnd.HeadTimeout);
                    }

                    continue;
            }

            ReadOnlySequence<byte> rest = read.Buffer;
            Http1ReadStatus status = _reader.Read(ref rest, Request);
            if (status == Http1ReadStatus.NeedMore)
            {
                _input.AdvanceTo(rest.Start, rest.End);
                if (read.Status == InputStatus.Ended)
                {
                    _headTimer.Cancel();
                    return _reader.IsIdle ? Http1ClientEnd.Completed : Http1ClientEnd.Gone;
                }

                if (!_reader.IsIdle && !_headTimer.IsArmed)
                {
                    _headTimer.Arm(_limits.HeadTime);
                }

                continue;
            }

            _input.AdvanceTo(rest.Start);
            _headTimer.Cancel();
            return status == Http1ReadStatus.Complete
                ? null
                : await RefuseAsync(
                    Http1Refusals.StatusOf(_reader.Refusal), Http1Refusals.TextOf(_reader.Refusal), Http1ClientEnd.Refused);
        }
    }

    /// <summary>Answers what is no request, or none in time.</summary>
    private async ValueTask<Http1ClientEnd> RefuseAsync(int status, string detail, Http1ClientEnd end)
    {
        HasResponded = false;
        Request.IsPersistent = false;
        var head = new ResponseHead { Status = status, Body = BodyFraming.OfLength(0) };
        if (TryRespond(head) is IContentWriter writer)
        {
            await writer.FlushAsync();
        }

        _server.OnRefused(this, status, detail);
        return end;
    }

    private void OnGone()
    {
        IClientWatch? watch = Watch;
        Watch = null;
        watch?.OnClientGone();
    }
}

/// <summary>How a client's connection came to its end.</summary>
internal enum Http1ClientEnd
{
    /// <summary>In order: the client closed it, or one of both said that a response is the last.</summary>
    Completed,

    /// <summary>It broke.</summary>
    Gone,

    /// <summary>What came was no request that can be passed on, and was answered so.</summary>
    Refused,

    /// <summary>The head of a request was not complete in time.</summary>
    HeadTimeout,

    /// <summary>A response was cut off.</summary>
    Aborted,
}
