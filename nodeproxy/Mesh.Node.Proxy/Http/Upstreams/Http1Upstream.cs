using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>A connection to an upstream that speaks HTTP/1: one exchange at a time. Lives on one loop.</summary>
internal sealed class Http1Upstream : UpstreamExchange
{
    private readonly Http1Group _group;
    private readonly ConnectionContext _connection;
    private readonly Http1Input _input;
    private readonly PipeWriter _output;
    private readonly Http1ResponseReader _reader;
    private readonly Http1ContentReader _content;
    private readonly Http1ContentWriter _writer;
    private readonly uint _requestsMax;
    private readonly IDisposable? _lease;
    private bool _isPersistent = true;
    private bool _isAnswered = true;
    private bool _isAborted;
    private bool _hasResponse;

    /// <param name="group">Whose connection it is.</param>
    /// <param name="connection">Ready to carry bytes; owned.</param>
    /// <param name="limits">What messages are held to.</param>
    /// <param name="requestsMax">Requests it carries before it is closed; 0 for no limit.</param>
    /// <param name="lease">Counts it until it is closed; null where nothing does.</param>
    public Http1Upstream(
        Http1Group group, ConnectionContext connection, HttpLimits limits, uint requestsMax, IDisposable? lease)
    {
        _group = group;
        _connection = connection;
        _requestsMax = requestsMax;
        _lease = lease;
        _input = new Http1Input(connection.Transport.Input);
        _output = connection.Transport.Output;
        _reader = new Http1ResponseReader(limits.Http1);
        _content = new Http1ContentReader(_input, limits.Http1);
        _writer = new Http1ContentWriter(_output);
    }

    /// <inheritdoc/>
    public override IContentReader Content => _content;

    /// <inheritdoc/>
    public override IContentWriter TunnelWriter => _writer;

    /// <inheritdoc/>
    public override bool HasResponse => _hasResponse;

    /// <summary>Requests that were begun on it.</summary>
    public long Requests { get; private set; }

    /// <summary>When it was made, in the loop's milliseconds.</summary>
    public required long MadeMs { get; init; }

    /// <summary>When it was last given back, in the loop's milliseconds. The pool's.</summary>
    public long IdleSinceMs { get; set; }

    /// <summary>
    /// Whether a further request can be sent: both messages were whole, the server keeps the connection and nothing has come that nobody
    /// asked for.
    /// </summary>
    public bool IsReusable =>
        _isPersistent && _isAnswered && !_isAborted && (_requestsMax == 0 || Requests < _requestsMax)
        && _content.IsComplete && _writer.IsEnded && !IsStale;

    /// <summary>Whether something has come although nothing was asked: the end of the connection, or bytes that answer nothing.</summary>
    private bool IsStale
    {
        get
        {
            if (!_input.TryRead(out InputRead read))
            {
                return false;
            }

            if (read.Status != InputStatus.Broken)
            {
                _input.AdvanceTo(read.Buffer.Start);
            }

            return true;
        }
    }

    /// <inheritdoc/>
    public override UpstreamBreak Break => _isAborted ? UpstreamBreak.Aborted : UpstreamBreak.ConnectionEnded;

    /// <inheritdoc/>
    public override IContentWriter? TryBegin(RequestHead head)
    {
        if (!head.Upgrade.IsEmpty && head.Protocol == HttpProtocol.Http2)
        {
            // The key belongs to the handshake of HTTP/1.1 (RFC 8441 §5).
            Span<byte> nonce = stackalloc byte[WebSocketHandshake.NonceBytes];
            RandomNumberGenerator.Fill(nonce);
            WebSocketHandshake.SetKey(nonce, head.Fields);
        }

        if (!Http1Writer.TryWriteRequest(head, isPersistent: true, _output))
        {
            return null;
        }

        Requests++;
        _hasResponse = false;
        _isAnswered = false;
        _reader.Begin(head);
        _writer.Begin(head.Body.Kind == BodyKind.Tunnel ? BodyFraming.None : head.Body);
        _content.Begin(BodyFraming.None);
        return _writer;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    public override async ValueTask<ResponseRead> ReadHeadAsync(ResponseHead head)
    {
        while (true)
        {
            if (!_input.TryRead(out InputRead read))
            {
                read = await _input.ReadAsync();
            }

            switch (read.Status)
            {
                case InputStatus.Broken:
                    return ResponseRead.Broken;
                case InputStatus.Cancelled:
                    _input.AdvanceTo(read.Buffer.Start);
                    continue;
            }

            _hasResponse |= !read.Buffer.IsEmpty;
            ReadOnlySequence<byte> rest = read.Buffer;
            Http1ReadStatus status = _reader.Read(ref rest, head);
            switch (status)
            {
                case Http1ReadStatus.NeedMore:
                    _input.AdvanceTo(rest.Start, rest.End);
                    if (read.Status == InputStatus.Ended)
                    {
                        return ResponseRead.Broken;
                    }

                    continue;
                case Http1ReadStatus.Complete:
                    _input.AdvanceTo(rest.Start);
                    if (!head.IsInformational)
                    {
                        _isAnswered = true;
                        _isPersistent = head.IsPersistent;
                        _content.Begin(head.Body);
                        if (head.Body.Kind == BodyKind.Tunnel)
                        {
                            _writer.Begin(BodyFraming.Tunnel);
                        }
                    }

                    return ResponseRead.Head;
                default:
                    _input.AdvanceTo(rest.Start);
                    return ResponseRead.Refused;
            }
        }
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

    /// <inheritdoc/>
    public override void Release() => _group.GiveBack(this);

    /// <summary>Lets the connection go: in order where both messages were whole, else cut off.</summary>
    public void Close()
    {
        if (!_content.IsComplete || !_writer.IsEnded)
        {
            Abort();
        }

        _lease?.Dispose();
        _ = _connection.DisposeAsync().AsTask();
    }
}
