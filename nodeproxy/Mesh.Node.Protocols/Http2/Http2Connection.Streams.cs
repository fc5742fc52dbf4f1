using System.Diagnostics;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Http2;

/// <summary>The table of streams: opening, finding, closing, and telling the handler about it.</summary>
public sealed partial class Http2Connection
{
    private readonly Dictionary<int, Http2Stream> _streams = [];
    private readonly ClosedStreams _closedStreams;
    private Http2Stream? _firstActive;
    private Http2Stream? _firstClosed;
    private Http2Stream? _lastClosed;
    private Http2Stream? _pool;
    private int _pooled;
    private int _localStreams;
    private int _peerStreams;
    private int _nextLocalStreamId;
    private int _lastPeerStreamId;

    private int LastLocalStreamId => _nextLocalStreamId > 0 ? _nextLocalStreamId - 2 : int.MaxValue;

    private bool IsLocal(int streamId) => (streamId & 1) == (Role == Http2Role.Client ? 1 : 0);

    private bool IsIdle(int streamId) =>
        streamId > (IsLocal(streamId) ? LastLocalStreamId : _lastPeerStreamId);

    private Http2Stream? Find(int streamId) => _streams.GetValueOrDefault(streamId);

    private Http2Stream AddStream(int streamId, bool isLocal)
    {
        Http2Stream stream = _pool ?? new Http2Stream();
        if (_pool is not null)
        {
            _pool = stream.Next;
            _pooled--;
        }

        stream.Open(streamId, isLocal, _peerInitialWindowBytes, _options.StreamWindowBytes);
        stream.Previous = null;
        stream.Next = _firstActive;
        _firstActive?.Previous = stream;
        _firstActive = stream;
        _streams.Add(streamId, stream);
        if (isLocal)
        {
            _localStreams++;
        }
        else
        {
            _peerStreams++;
        }

        return stream;
    }

    /// <summary>Moves a stream along the figure of RFC 9113 §5.1; the caller has made sure it may.</summary>
    private void Move(Http2Stream stream, StreamEvent on)
    {
        bool moved = StreamStateMachine.TryMove(stream.State, on, out Http2StreamState to);
        Debug.Assert(moved, "Refusals were handled before.");
        stream.State = to;
        if (to == Http2StreamState.Closed)
        {
            StreamEnding ending = on switch
            {
                StreamEvent.SendReset => StreamEnding.ResetByUs,
                StreamEvent.ReceiveReset => StreamEnding.ResetByPeer,
                _ => StreamEnding.Finished,
            };
            Remove(stream, ending);
        }
    }

    /// <summary>Takes a closed stream out of the table at once; the handler hears of it in <see cref="TellClosed"/>.</summary>
    private void Remove(Http2Stream stream, StreamEnding ending)
    {
        _streams.Remove(stream.Id);
        _closedStreams.Remember(stream.Id, ending);
        if (stream.Has(StreamFlags.Local))
        {
            _localStreams--;
        }
        else
        {
            _peerStreams--;
        }

        if (_dataStream == stream)
        {
            _dataStream = null;
        }

        if (stream.Previous is null)
        {
            _firstActive = stream.Next;
        }
        else
        {
            stream.Previous.Next = stream.Next;
        }

        stream.Next?.Previous = stream.Previous;
        stream.Next = null;
        stream.Previous = null;

        if (_lastClosed is null)
        {
            _firstClosed = stream;
        }
        else
        {
            _lastClosed.Next = stream;
        }

        _lastClosed = stream;
    }

    /// <summary>Ends a stream by a reset its owner did not ask for.</summary>
    private void EndByReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
    {
        stream.Flags |= StreamFlags.TellReset | (byPeer ? StreamFlags.ResetByPeer : StreamFlags.None);
        stream.ResetCode = code;
        Move(stream, byPeer ? StreamEvent.ReceiveReset : StreamEvent.SendReset);
    }

    private void EndAllStreams(Http2ErrorCode code)
    {
        while (_firstActive is not null)
        {
            EndByReset(_firstActive, code, byPeer: false);
        }
    }

    /// <summary>Tells the handler of closed streams and takes them back. What the handler closes meanwhile joins the queue.</summary>
    private void TellClosed()
    {
        Debug.Assert(!_isInCallback, "Calls of the handler never nest.");
        while (_firstClosed is not null)
        {
            Http2Stream stream = _firstClosed;
            _isInCallback = true;
            if (stream.Has(StreamFlags.TellReset))
            {
                _handler.OnStreamReset(stream, stream.ResetCode, stream.Has(StreamFlags.ResetByPeer));
            }

            _handler.OnStreamClosed(stream);
            _isInCallback = false;

            _firstClosed = stream.Next;
            if (_firstClosed is null)
            {
                _lastClosed = null;
            }

            ReturnToPool(stream);
        }
    }

    private void ReturnToPool(Http2Stream stream)
    {
        stream.Forget();
        if (_pooled < _options.PooledStreamsMax)
        {
            stream.Next = _pool;
            _pool = stream;
            _pooled++;
        }
    }

    /// <summary>
    /// Resets a stream for an error of the peer (RFC 9113 §5.4.2). Such resets are counted: a peer can provoke them cheaply.
    /// </summary>
    private void StreamError(int streamId, Http2ErrorCode code)
    {
        if (!_flood.ProvokedResets.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.ProvokedResets);
            return;
        }

        WriteReset(streamId, code);
        Http2Stream? stream = Find(streamId);
        if (stream is null)
        {
            _closedStreams.Remember(streamId, StreamEnding.ResetByUs);
            return;
        }

        EndByReset(stream, code, byPeer: false);
    }

    private void TellHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        _isInCallback = true;
        _handler.OnHeaders(stream, headers, endStream);
        _isInCallback = false;
    }

    private void TellData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
        stream.ReceivedUnconsumed += data.Length;
        _isInCallback = true;
        _handler.OnData(stream, data, endStream);
        _isInCallback = false;
    }

    private void TellWindowOpened(Http2Stream? stream)
    {
        _isInCallback = true;
        _handler.OnSendWindowOpened(stream);
        _isInCallback = false;
    }
}
