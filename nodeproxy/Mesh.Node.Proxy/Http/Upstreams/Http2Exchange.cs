using System.Diagnostics;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Http2;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>One exchange on a connection that speaks HTTP/2. Used for one after another. Lives on the connection's loop.</summary>
internal sealed class Http2Exchange(EventLoop loop) : UpstreamExchange, IHttp2StreamEvents
{
    private readonly LoopCompletion<ResponseRead> _arrival = new(loop);
    private readonly ResponseHead _early = new();
    private Http2Upstream? _upstream;
    private Http2SessionStream? _stream;
    private RequestHead? _request;
    private ResponseHead? _awaited;
    private UpstreamBreak _refusal;
    private bool _hasEarly;
    private bool _hasResponse;
    private bool _isAborted;

    /// <summary>Grows with every place that is taken or given back.</summary>
    private uint _use;

    /// <inheritdoc/>
    public override IContentReader Content => Stream.Content;

    /// <inheritdoc/>
    public override IContentWriter TunnelWriter => Stream.Writer;

    /// <inheritdoc/>
    public override bool HasResponse => _hasResponse;

    /// <inheritdoc/>
    public override UpstreamBreak Break => _stream is null ? _refusal : _stream.End switch
    {
        { Kind: Http2StreamEndKind.None or Http2StreamEndKind.Finished } => UpstreamBreak.None,
        { Kind: Http2StreamEndKind.ResetByPeer, Code: Http2ErrorCode.RefusedStream } when !_hasResponse => UpstreamBreak.Refused,
        { Kind: Http2StreamEndKind.ResetByPeer } => UpstreamBreak.Reset,
        { Kind: Http2StreamEndKind.Malformed } => UpstreamBreak.Malformed,
        { Kind: Http2StreamEndKind.ConnectionLost } => UpstreamBreak.ConnectionEnded,
        _ => UpstreamBreak.Aborted,
    };

    private Http2SessionStream Stream => _stream ?? throw new UnreachableException("The exchange was not begun.");

    /// <summary>Takes a place on a connection.</summary>
    public void Attach(Http2Upstream upstream)
    {
        _use++;
        _upstream = upstream;
        _refusal = UpstreamBreak.None;
        _hasEarly = false;
        _hasResponse = false;
        _isAborted = false;
    }

    /// <inheritdoc/>
    public override IContentWriter? TryBegin(RequestHead head)
    {
        bool isUpgrade = !head.Upgrade.IsEmpty;
        _refusal = isUpgrade && !IsHandshake(head) ? UpstreamBreak.None
            : isUpgrade && !_upstream!.TakesUpgrades ? UpstreamBreak.UpgradeUnknown
            : _isAborted ? UpstreamBreak.Aborted
            : UpstreamBreak.Refused;
        if (_refusal != UpstreamBreak.Refused)
        {
            return null;
        }

        bool isTunnel = head.IsConnect || isUpgrade;
        bool endStream = !isTunnel && !head.Body.HasContent;
        _request = head;
        _stream = _upstream!.TryOpen(head, endStream, this);
        if (_stream is null)
        {
            return null;
        }

        // A tunnel begins with its answer: until then its side has no end that could be said.
        _stream.Writer.Begin(isTunnel ? BodyFraming.None : head.Body, isEndSent: endStream || isTunnel);
        return _stream.Writer;
    }

    /// <inheritdoc/>
    public override ValueTask<ResponseRead> ReadHeadAsync(ResponseHead head)
    {
        if (_hasEarly)
        {
            _hasEarly = false;
            head.CopyFrom(_early);
            return ValueTask.FromResult(Begun(head));
        }

        if (!Stream.IsOpen)
        {
            return ValueTask.FromResult(EndOf(Break));
        }

        _awaited = head;
        return _arrival.WaitAsync();
    }

    /// <inheritdoc/>
    public override void Abort()
    {
        _isAborted = true;
        uint use = _use;
        _stream?.Reset(Http2ErrorCode.Cancel);

        // Who waited for content has gone on within the call, and another may have this exchange by now.
        if (use == _use)
        {
            _awaited = null;
            _arrival.TryComplete(ResponseRead.Broken);
        }
    }

    /// <inheritdoc/>
    public override void Release()
    {
        _use++;
        Http2Upstream upstream = _upstream!;
        _stream?.Release(Http2ErrorCode.Cancel);
        _stream = null;
        _upstream = null;
        _request = null;
        upstream.GiveBack(this);
    }

    void IHttp2StreamEvents.OnHead(HeaderList block, bool endStream)
    {
        _hasResponse = true;
        if (_awaited is ResponseHead awaited)
        {
            _awaited = null;
            Http2ResponseHeads.Read(block, endStream, _request!, awaited);
            _arrival.TryComplete(Begun(awaited));
        }
        else if (!_hasEarly || _early.Status != 100 || !Stream.IsInformational)
        {
            // Nobody has asked for it yet. Of several, the client needs 100, which it may be waiting for, and the final one.
            _hasEarly = true;
            Http2ResponseHeads.Read(block, endStream, _request!, _early);
        }
    }

    void IHttp2StreamEvents.OnReset()
    {
        if (_awaited is not null)
        {
            _awaited = null;
            _arrival.TryComplete(EndOf(Break));
        }
    }

    /// <summary>What asks for a WebSocket in HTTP/1.1 has a key, and the answer to it is ours to make.</summary>
    private bool IsHandshake(RequestHead head) =>
        head.Protocol == HttpProtocol.Http2
        || (head.Fields.TryGet("sec-websocket-key"u8, out ReadOnlySpan<byte> key) && WebSocketHandshake.TrySetAccept(key, _early.Fields));

    private static ResponseRead EndOf(UpstreamBreak why) =>
        why == UpstreamBreak.Malformed ? ResponseRead.Refused : ResponseRead.Broken;

    private ResponseRead Begun(ResponseHead head)
    {
        if (head.Body.Kind == BodyKind.Tunnel)
        {
            Stream.Writer.Begin(BodyFraming.Tunnel, isEndSent: false);
            if (_request!.Fields.TryGet("sec-websocket-key"u8, out ReadOnlySpan<byte> key))
            {
                // It stayed here, where HTTP/1.1 has it and HTTP/2 does not.
                WebSocketHandshake.TrySetAccept(key, head.Fields);
            }
        }

        return ResponseRead.Head;
    }
}
