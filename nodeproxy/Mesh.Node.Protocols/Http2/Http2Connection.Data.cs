using Mesh.Node.Protocols.Http2.Frames;
using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Http2;

/// <summary>DATA, whose bytes are passed on as they come, from its header to its end; and the prefix it shares with HEADERS.</summary>
public sealed partial class Http2Connection
{
    private void BeginData()
    {
        int streamId = _frame.StreamId;
        if (streamId == 0)
        {
            Fail(Http2ErrorReason.FrameOnStreamZero);
            return;
        }

        // RFC 9113 §6.9: every DATA frame counts for the connection, whatever becomes of it, padding included.
        if (!_receiveWindow.TryTake(_frame.PayloadBytes))
        {
            Fail(Http2ErrorReason.ConnectionWindowExceeded);
            return;
        }

        if (_frame.Has(FrameFlags.Padded) && _frame.PayloadBytes == 0)
        {
            Fail(Http2ErrorReason.BadFrameSize);
            return;
        }

        _dataStream = FindForData(streamId);
        if (Error.IsError)
        {
            return;
        }

        if (_frame.Has(FrameFlags.Padded))
        {
            _part = FramePart.Prefix;
        }
        else
        {
            BeginDataContent();
        }
    }

    /// <summary>The stream DATA is for, or null when the frame is to be dropped.</summary>
    private Http2Stream? FindForData(int streamId)
    {
        Http2Stream? stream = Find(streamId);
        if (stream is null)
        {
            OnFrameForMissingStream(streamId, opensStream: false);
            return null;
        }

        if (stream.State == Http2StreamState.HalfClosedRemote)
        {
            StreamError(streamId, Http2ErrorCode.StreamClosed);
            return null;
        }

        if (!stream.Has(StreamFlags.HeadReceived))
        {
            // Content before the head of the response is no message (RFC 9113 §8.1).
            StreamError(streamId, Http2ErrorCode.ProtocolError);
            return null;
        }

        if (!stream.ReceiveWindow.TryTake(_frame.PayloadBytes))
        {
            StreamError(streamId, Http2ErrorCode.FlowControlError);
            return null;
        }

        return stream;
    }

    /// <summary>Judges DATA or HEADERS for a stream that is not open (RFC 9113 §5.1).</summary>
    /// <param name="streamId">Of either side.</param>
    /// <param name="opensStream">True for HEADERS, which would open the stream if its identifier had not been skipped.</param>
    private void OnFrameForMissingStream(int streamId, bool opensStream)
    {
        if (IsIdle(streamId))
        {
            Fail(Http2ErrorReason.FrameOnIdleStream);
            return;
        }

        switch (_closedStreams.Recall(streamId, IsLocal(streamId) ? LastLocalStreamId : _lastPeerStreamId))
        {
            case StreamEnding.Skipped:
                // RFC 9113 §5.1.1: a stream with a higher number was opened, and that closed this one.
                Fail(opensStream ? Http2ErrorReason.BadStreamId : Http2ErrorReason.FrameOnEndedStream);
                break;

            case StreamEnding.Finished:
                Fail(Http2ErrorReason.FrameOnEndedStream);
                break;

            case StreamEnding.ResetByUs:
                if (!_flood.IgnoredFrames.TryTake(_nowMs))
                {
                    Fail(Http2ErrorReason.IgnoredFrameFlood);
                }

                break;

            default:
                StreamError(streamId, Http2ErrorCode.StreamClosed);
                break;
        }
    }

    /// <summary>The bytes before the content: the length of the padding, and the priority nobody uses any more.</summary>
    private bool StepPrefix(ref ReadOnlySpan<byte> input)
    {
        int padBytes = _frame.Has(FrameFlags.Padded) ? 1 : 0;
        int wanted = padBytes + (_frame.Type == FrameType.Headers && _frame.Has(FrameFlags.Priority) ? PriorityBytes : 0);
        if (!TryCollect(ref input, wanted, out ReadOnlySpan<byte> prefix))
        {
            return false;
        }

        _payloadLeft -= wanted;
        _paddingLeft = padBytes == 0 ? 0 : prefix[0];
        if (_paddingLeft > _payloadLeft)
        {
            Fail(Http2ErrorReason.BadPadding);
            return true;
        }

        _payloadLeft -= _paddingLeft;
        if (_frame.Type == FrameType.Data)
        {
            if (_dataStream is not null)
            {
                // Padding is delivered to nobody, so it is returned at once.
                _dataStream.ReceiveWindow.Return(padBytes + _paddingLeft);
                AnnounceWindow(_dataStream);
            }

            BeginDataContent();
        }
        else
        {
            BeginHeaderFragment();
        }

        return true;
    }

    private void BeginDataContent()
    {
        _part = FramePart.Data;
        bool endStream = _frame.Has(FrameFlags.EndStream);
        if (_payloadLeft == 0 && !endStream && !_flood.EmptyDataFrames.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.EmptyDataFlood);
            return;
        }

        if (_dataStream is not null && !TakeContent(_dataStream, _payloadLeft, endStream))
        {
            StreamError(_frame.StreamId, Http2ErrorCode.ProtocolError);
        }
    }

    /// <summary>Holds content against the content-length that announced it (RFC 9113 §8.1.1).</summary>
    private static bool TakeContent(Http2Stream stream, int contentBytes, bool endStream)
    {
        if (stream.ContentBytesLeft < 0)
        {
            return true;
        }

        stream.ContentBytesLeft -= contentBytes;
        return stream.ContentBytesLeft == 0 || (stream.ContentBytesLeft > 0 && !endStream);
    }

    private bool StepData(ref ReadOnlySpan<byte> input)
    {
        int taken = Math.Min(_payloadLeft, input.Length);
        if (taken == 0 && _payloadLeft > 0)
        {
            return false;
        }

        ReadOnlySpan<byte> data = input[..taken];
        input = input[taken..];
        _payloadLeft -= taken;
        Http2Stream? stream = _dataStream;
        bool frameEnds = _payloadLeft == 0;
        bool endStream = frameEnds && _frame.Has(FrameFlags.EndStream);
        if (frameEnds)
        {
            EndDataFrame();
        }

        if (stream is null || (taken == 0 && !endStream))
        {
            return true;
        }

        if (endStream)
        {
            Move(stream, StreamEvent.ReceiveEndStream);
        }

        TellData(stream, data, endStream);
        return true;
    }

    /// <summary>
    /// The connection's window is returned on receipt, so that no stream can hold it (RFC 9113 §6.9.1 leaves when to us).
    /// </summary>
    private void EndDataFrame()
    {
        _part = _paddingLeft == 0 ? FramePart.Header : FramePart.Skip;
        _dataStream = null;
        _receiveWindow.Return(_frame.PayloadBytes);
        if (_receiveWindow.IsUpdateDue)
        {
            WriteWindowUpdate(0, _receiveWindow.Announce(_receiveWindow.SizeBytes));
        }
    }

    private enum FramePart
    {
        Preface,
        Header,
        Prefix,
        Data,
        HeaderFragment,
        Control,
        Settings,
        Skip,
    }
}
