using Mesh.Fuzz.Targets;

namespace Mesh.Fuzz.Oracles;

/// <content>DATA, and the windows it is counted against.</content>
internal sealed partial class SlowHttp2Peer
{
    private void OnData(int length, int flags, int streamId, byte[] payload)
    {
        bool ends = (flags & 1) != 0;
        bool isPadded = (flags & 8) != 0;
        if (streamId == 0)
        {
            Fail("FrameOnStreamZero");
            return;
        }

        if (length > _connectionReceive)
        {
            Fail("ConnectionWindowExceeded");
            return;
        }

        _connectionReceive -= length;
        if (isPadded && length == 0)
        {
            Fail("BadFrameSize");
            return;
        }

        Stream? stream = ReceiverOfData(length, streamId);
        if (_failed || (isPadded && payload.Length == 0))
        {
            return;
        }

        int padding = isPadded ? payload[0] : 0;
        int contentBytes = length - (isPadded ? 1 : 0) - padding;
        if (contentBytes < 0)
        {
            Fail("BadPadding");
            return;
        }

        if (isPadded && stream is not null)
        {
            stream.Returned += 1 + padding;
            Announce(stream);
        }

        if (contentBytes == 0 && !ends && !Spend("EmptyDataFlood"))
        {
            return;
        }

        if (stream is not null && stream.ContentLeft >= 0)
        {
            stream.ContentLeft -= contentBytes;
            if (stream.ContentLeft < 0 || (ends && stream.ContentLeft > 0))
            {
                StreamError(streamId, "ProtocolError");
                stream = null;
            }
        }

        if (_failed)
        {
            return;
        }

        byte[] content = payload[(isPadded ? 1 : 0)..Math.Min(payload.Length, contentBytes + (isPadded ? 1 : 0))];
        bool isComplete = content.Length == contentBytes;
        if (isComplete)
        {
            ReturnToConnection(length);
        }

        if (stream is not null)
        {
            Deliver(stream, content, isComplete && ends);
        }
    }

    private Stream? ReceiverOfData(int length, int streamId)
    {
        Stream? stream = OpenStream(streamId);
        if (stream is null)
        {
            OnFrameForClosed(streamId, isHeaders: false);
            return null;
        }

        string? error = stream.PeerEnded ? "StreamClosed" : !stream.HeadReceived ? "ProtocolError" : length > stream.Receive ? "FlowControlError" : null;
        if (error is not null)
        {
            StreamError(streamId, error);
            return null;
        }

        stream.Receive -= length;
        return stream;
    }

    private void Deliver(Stream stream, byte[] content, bool ends)
    {
        if (content.Length == 0 && !ends)
        {
            return;
        }

        _transcript.ContentOf(stream.Id).AddRange(content);
        stream.Unconsumed += content.Length;
        stream.PeerEnded |= ends;
        bool isClosed = stream.IsFinished;
        if (ends)
        {
            Say($"DataEnd {stream.Id}");
        }

        if (isClosed)
        {
            Close(stream, "Finished");
            return;
        }

        switch (plan.Owner)
        {
            case Http2Owner.Consumes:
                stream.Unconsumed = 0;
                break;
            case Http2Owner.Answers when ends && !IsClient:
                CompleteAnswer(stream);
                break;
            default:
                break;
        }
    }

    private void CompleteAnswer(Stream stream)
    {
        Send($"Data {stream.Id} END");
        stream.WeEnded = true;
        Close(stream, "Finished");
    }

    private void ReturnToConnection(int bytes)
    {
        _connectionReturned += bytes;
        if (_connectionReturned >= plan.Options.ConnectionWindowBytes / 2)
        {
            Send($"WindowUpdate 0 {_connectionReturned}");
            _connectionReceive += _connectionReturned;
            _connectionReturned = 0;
        }
    }

    private void Announce(Stream stream)
    {
        if (stream.PeerEnded || stream.Returned < stream.WindowBytes / 2)
        {
            return;
        }

        long size = stream.Unconsumed < stream.WindowBytes / 2 ? Math.Min(stream.WindowBytes * 2, plan.Options.StreamWindowBytesMax) : stream.WindowBytes;
        long increment = stream.Returned + size - stream.WindowBytes;
        Send($"WindowUpdate {stream.Id} {increment}");
        stream.Receive += increment;
        stream.WindowBytes = size;
        stream.Returned = 0;
    }
}
