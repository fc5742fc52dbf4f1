using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>What the HTTP/2 engine reports, passed on to the stream it concerns.</summary>
internal sealed partial class Http2Session : IHttp2Handler
{
    void IHttp2Handler.OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        if (stream.Tag is Http2SessionStream known)
        {
            known.OnHeaders(headers, endStream);
            return;
        }

        Http2SessionStream opened = Take();
        stream.Tag = opened;
        opened.Attach(stream);
        if (endStream)
        {
            opened.Content.End();
        }

        _owner.OnStreamOpened(opened, headers, endStream);
    }

    void IHttp2Handler.OnRequestRefused(int streamId, HeaderVerdict verdict, HeaderList headers) => _owner.OnRequestRefused(verdict);

    void IHttp2Handler.OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream) =>
        ((Http2SessionStream)stream.Tag!).OnData(data, endStream);

    void IHttp2Handler.OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
    {
        Http2StreamEndKind kind = byPeer ? Http2StreamEndKind.ResetByPeer
            : _http2.Error.IsError ? Http2StreamEndKind.ConnectionLost
            : Http2StreamEndKind.Malformed;
        ((Http2SessionStream)stream.Tag!).OnReset(new Http2StreamEnd(kind, code));
    }

    void IHttp2Handler.OnSendWindowOpened(Http2Stream? stream)
    {
        if (stream is null)
        {
            ServeAwaiting();
        }
        else
        {
            ((Http2SessionStream)stream.Tag!).Writer.OnSendable();
        }
    }

    void IHttp2Handler.OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        _owner.OnCapacityChanged(this);
        AskFlush();
    }

    void IHttp2Handler.OnPingAck(ulong opaque)
    {
        if (opaque == _pingOpaque)
        {
            _isPingUnanswered = false;
        }
    }

    void IHttp2Handler.OnSettingsChanged() => _owner.OnCapacityChanged(this);

    void IHttp2Handler.OnStreamClosed(Http2Stream stream)
    {
        ((Http2SessionStream)stream.Tag!).OnClosed();
        if (_http2.ActiveStreams == 0)
        {
            _emptySinceMs = _loop.NowMs;
        }

        _owner.OnCapacityChanged(this);
        AskFlush();
    }
}
