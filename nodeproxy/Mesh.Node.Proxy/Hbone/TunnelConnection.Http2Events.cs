using System.Diagnostics;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>What the HTTP/2 engine reports, passed on to the stream it concerns.</summary>
internal sealed partial class TunnelConnection
{
    void IHttp2Handler.OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        _receivedEvents++;
        if (stream.Tag is TunnelStream known)
        {
            known.Events.OnResponse(headers, endStream);
            return;
        }

        var opened = new TunnelStream(this, RefusedStream.Instance);
        opened.Attach(stream);
        stream.Tag = opened;
        _streams.Add(opened);
        _owner.OnStreamOpened(this, opened, headers, endStream);
    }

    void IHttp2Handler.OnStreamRefused(int streamId, HeaderList headers)
    {
        _receivedEvents++;
        _owner.OnStreamRefused(this, headers);
    }

    void IHttp2Handler.OnRequestRefused(int streamId, HeaderVerdict verdict, HeaderList headers)
    {
        _receivedEvents++;
        _owner.OnRequestRefused(this, headers, verdict);
    }

    void IHttp2Handler.OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
        _receivedEvents++;
        if (stream.Tag is TunnelStream known && known.IsAlive)
        {
            known.Events.OnData(data, endStream);
        }
    }

    void IHttp2Handler.OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
    {
        if (stream.Tag is TunnelStream known && known.IsAlive)
        {
            known.Detach();
            _streams.Remove(known);
            known.Events.OnAborted(new TunnelAbort(IsTunnelLost: false, code));
        }
    }

    void IHttp2Handler.OnSendWindowOpened(Http2Stream? stream)
    {
        if (stream is not null)
        {
            if (stream.Tag is TunnelStream one && one.IsAlive)
            {
                one.Events.OnSendable();
            }

            return;
        }

        ServeAwaiting();
    }

    void IHttp2Handler.OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        _draining = true;
        _owner.OnGoAway(this);
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
        if (stream.Tag is TunnelStream known)
        {
            bool finished = known.IsAlive;
            known.Detach();
            _streams.Remove(known);
            if (finished)
            {
                known.Events.OnFinished();
            }
        }

        if (_streams.Count == 0)
        {
            _emptySinceMs = _loop.NowMs;
        }

        if (!_closed)
        {
            _owner.OnCapacityChanged(this);
            AskFlush();
        }
    }

    /// <summary>Stands in until the owner has said who drives a new stream; an event reaching it is a mistake of ours.</summary>
    private sealed class RefusedStream : ITunnelStreamEvents
    {
        public static readonly RefusedStream Instance = new();

        public void OnResponse(HeaderList headers, bool endStream) => Debug.Fail("A stream without a driver.");

        public void OnData(ReadOnlySpan<byte> data, bool endStream) => Debug.Fail("A stream without a driver.");

        public void OnSendable()
        {
        }

        public void OnAborted(TunnelAbort abort)
        {
        }

        public void OnFinished()
        {
        }
    }
}
