using System.Buffers;
using System.IO.Pipelines;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>What waits to be sent, and when it goes.</summary>
internal sealed partial class Http2Session
{
    internal void SendHeaders(Http2Stream stream, HeaderList block, bool endStream)
    {
        _http2.SendHeaders(stream, block, endStream);
        AskFlush();
    }

    /// <summary>
    /// Room for the payload of one frame; none, and the stream is told when there may be some, where none can be sent now.
    /// </summary>
    internal Span<byte> Reserve(Http2SessionStream owner, Http2Stream stream, int bytesMax)
    {
        Span<byte> room = _http2.ReserveData(stream, bytesMax);
        if (room.IsEmpty && !owner.IsQueuedForOutput)
        {
            // Which limit it was is not asked: the queue is served when output drains and when the connection's window opens.
            owner.IsQueuedForOutput = true;
            _awaitingOutput.Enqueue(owner);
        }

        return room;
    }

    internal void Commit(Http2Stream stream, int bytes, bool endStream)
    {
        _http2.CommitData(stream, bytes, endStream);
        AskFlush();
    }

    internal void CompleteSend(Http2Stream stream)
    {
        _http2.CompleteSend(stream);
        AskFlush();
    }

    internal void Consumed(Http2Stream stream, int bytes)
    {
        _http2.Consumed(stream, bytes);
        AskFlush();
    }

    internal void ResetStream(Http2Stream stream, Http2ErrorCode code)
    {
        _http2.ResetStream(stream, code);
        AskFlush();
    }

    private void AskFlush()
    {
        bool hasWork = !_http2.Output.IsEmpty || _http2.IsFinished;
        if (hasWork && !_isFlushAsked && End == Http2SessionEnd.None)
        {
            _isFlushAsked = true;
            _loop.RunAtTurnEnd(this);
        }
    }

    /// <summary>Gives each waiting stream one turn, in order; whoever is still stopped queues again behind the others.</summary>
    private void ServeAwaiting()
    {
        for (int left = _awaitingOutput.Count; left > 0 && _awaitingOutput.TryDequeue(out Http2SessionStream? next); left--)
        {
            next.IsQueuedForOutput = false;
            next.Writer.OnSendable();
        }
    }

    /// <summary>Ends the streams whose peer has taken nothing of what waits for it, for too long: they are all in the queue.</summary>
    private void EndStalled(long nowMs)
    {
        if (_options.StallLimit == Timeout.InfiniteTimeSpan)
        {
            return;
        }

        for (int left = _awaitingOutput.Count; left > 0 && _awaitingOutput.TryDequeue(out Http2SessionStream? next); left--)
        {
            if (next.Writer.StalledMs(nowMs) >= _options.StallLimit.TotalMilliseconds)
            {
                next.IsQueuedForOutput = false;
                next.EndStalled();
            }
            else
            {
                _awaitingOutput.Enqueue(next);
            }
        }
    }

    /// <summary>Moves output into the connection, as it takes it, until the end.</summary>
    private async ValueTask WriteAsync()
    {
        while (End == Http2SessionEnd.None)
        {
            if (_http2.Output.IsEmpty)
            {
                await _outputAsked.WaitAsync();
                continue;
            }

            MoveOutput();
            FlushResult flushed = await _output.FlushAsync();
            if (flushed.IsCompleted)
            {
                Finish(Http2SessionEnd.Lost, null);
            }
            else if (End == Http2SessionEnd.None)
            {
                ServeAwaiting();
            }
        }
    }

    /// <summary>
    /// Writes the last words of a session, GOAWAY above all: they leave when the connection is disposed, if its peer takes them.
    /// </summary>
    private void WriteLast()
    {
        if (End != Http2SessionEnd.Lost && !_http2.Output.IsEmpty)
        {
            MoveOutput();
        }
    }

    private void MoveOutput()
    {
        _output.Write(_http2.Output.Unsent);
        _http2.Output.Advance(_http2.Output.UnsentBytes);
    }
}
