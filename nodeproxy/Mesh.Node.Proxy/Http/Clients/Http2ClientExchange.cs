using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Http2;

namespace Mesh.Node.Proxy.Http.Clients;

/// <summary>One request of a client that speaks HTTP/2, on a stream of its own. Serves one request after another.</summary>
internal sealed class Http2ClientExchange : ClientExchange, IHttp2StreamEvents
{
    private readonly Http2Client _client;
    private readonly Action _onServed;
    private Http2SessionStream _stream = null!;
    private ValueTaskAwaiter _served;

    public Http2ClientExchange(Http2Client client)
    {
        _client = client;
        _onServed = OnServed;
    }

    /// <inheritdoc/>
    public override IContentReader Content => _stream.Content;

    /// <inheritdoc/>
    public override bool IsGone => _stream.End.Kind is not (Http2StreamEndKind.None or Http2StreamEndKind.Finished);

    /// <inheritdoc/>
    public override bool HasStalled => _stream.End.Kind == Http2StreamEndKind.Stalled;

    /// <inheritdoc/>
    public override ValueTask<bool> InformAsync(ResponseHead head)
    {
        Http2ResponseHeads.Write(head, _stream.Session.Block);
        return new ValueTask<bool>(_stream.TrySend(_stream.Session.Block, endStream: false));
    }

    /// <inheritdoc/>
    public override IContentWriter? TryRespond(ResponseHead head)
    {
        bool isTunnel = head.Body.Kind == BodyKind.Tunnel;
        if (head.Status is < 200 or > 999 && !(isTunnel && head.Status == 101 && !Request.Upgrade.IsEmpty))
        {
            return null;
        }

        if (!isTunnel && head.Status < 300 && (Request.IsConnect || !Request.Upgrade.IsEmpty))
        {
            // Any 2xx says that the tunnel stands (RFC 9110 §9.3.6, RFC 8441 §4), and it does not.
            return null;
        }

        BodyFraming body = head.Body.For(Request.Protocol);
        bool hasNone = !isTunnel && (body.Kind == BodyKind.None || Request.IsHead || head.Status is 204 or 304);
        Http2ResponseHeads.Write(head, _stream.Session.Block);
        HasResponded = true;
        _stream.TrySend(_stream.Session.Block, endStream: hasNone);
        _stream.Writer.Begin(hasNone ? BodyFraming.None : body, isEndSent: hasNone);
        return _stream.Writer;
    }

    /// <inheritdoc/>
    public override void Abort() =>
        _stream.Reset(Request.IsConnect || !Request.Upgrade.IsEmpty ? Http2ErrorCode.ConnectError : Http2ErrorCode.InternalError);

    void IHttp2StreamEvents.OnHead(HeaderList block, bool endStream)
    {
        // A client sends one head, and the stream was opened by it.
    }

    void IHttp2StreamEvents.OnReset()
    {
        // A request that is malformed has an answer, though it can no longer be sent: its reader finds it so, if it still reads.
        if (_stream.End.Kind != Http2StreamEndKind.Malformed || _stream.Content.IsComplete)
        {
            IClientWatch? watch = Watch;
            Watch = null;
            watch?.OnClientGone();
        }
    }

    /// <summary>Begins the request that has opened a stream.</summary>
    /// <param name="stream">Owned until the exchange has ended.</param>
    public void Begin(Http2SessionStream stream)
    {
        _stream = stream;
        HasResponded = false;
        stream.Events = this;
    }

    /// <summary>Has the request answered. The client is told when that has come to its end.</summary>
    public void Serve(IRequestServer server)
    {
        // Not awaited by a method of its own, which would be kept for every request under way.
#pragma warning disable CA2012 // Its result is taken once, when it has come to its end.
        _served = server.ServeAsync(this).GetAwaiter();
#pragma warning restore CA2012
        if (_served.IsCompleted)
        {
            OnServed();
        }
        else
        {
            _served.UnsafeOnCompleted(_onServed);
        }
    }

    /// <summary>Answers what is no request that can be passed on, and lets the stream go.</summary>
    public void Refuse(int status)
    {
        TryRespond(new ResponseHead { Status = status, Body = BodyFraming.OfLength(0) });
        _stream.Release(Http2ErrorCode.NoError);
    }

    private void OnServed()
    {
        ValueTaskAwaiter served = _served;
        _served = default;
        Watch = null;
        Exception? fault = null;
        try
        {
#pragma warning disable VSTHRD002 // It has come to its end.
            served.GetResult();
#pragma warning restore VSTHRD002
        }
#pragma warning disable CA1031 // Whatever it is, it ends the connection and is thrown from there.
        catch (Exception thrown)
#pragma warning restore CA1031
        {
            fault = thrown;
        }

        if (!HasResponded || !_stream.Writer.IsEnded)
        {
            Abort();
        }

        // What is left of a request that was answered without it is not wanted (RFC 9113 §8.1).
        _stream.Release(Http2ErrorCode.NoError);
        _client.OnServed(this, fault);
    }
}
