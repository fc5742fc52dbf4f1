using System.Buffers.Binary;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Fuzz.Oracles;

/// <content>The life of a stream: PRIORITY, RST_STREAM, errors of one stream, and what is remembered of closed ones.</content>
internal sealed partial class SlowHttp2Peer
{
    private void OnPriority(int length, int streamId)
    {
        if (streamId == 0)
        {
            Fail("FrameOnStreamZero");
        }
        else if (Spend("PriorityFlood") && length != 5)
        {
            if (OpenStream(streamId) is null)
            {
                Fail("BadFrameSize");
            }
            else
            {
                StreamError(streamId, "FrameSizeError");
            }
        }
    }

    private void OnReset(int length, int streamId, byte[] payload)
    {
        if (!IsControl(length, 4, streamId == 0 ? "FrameOnStreamZero" : null) || payload.Length < 4)
        {
            return;
        }

        if (IsIdle(streamId))
        {
            Fail("FrameOnIdleStream");
            return;
        }

        Stream? stream = OpenStream(streamId);
        if (stream is null)
        {
            Spend("IgnoredFrameFlood");
        }
        else if (stream.IsLocal || stream.HeadSent || Spend("RapidReset"))
        {
            Say($"Reset {streamId} {(Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload)} peer");
            Close(stream, "ResetByPeer");
        }
    }

    /// <summary>DATA or HEADERS for a stream that is not open (RFC 9113 §5.1).</summary>
    private void OnFrameForClosed(int streamId, bool isHeaders)
    {
        if (IsIdle(streamId))
        {
            Fail("FrameOnIdleStream");
            return;
        }

        bool isKnown = _rememberedAt.GetValueOrDefault(Slot(streamId)) == streamId;
        int last = IsLocal(streamId) ? _lastLocalStream : _lastPeerStream;
        string ending = isKnown ? _streams[streamId].Ending : last - streamId < 2 * RememberedStreams ? "Skipped" : "Forgotten";
        switch (ending)
        {
            case "Skipped":
                Fail(isHeaders ? "BadStreamId" : "FrameOnEndedStream");
                break;
            case "Finished":
                Fail("FrameOnEndedStream");
                break;
            case "ResetByUs":
                Spend("IgnoredFrameFlood");
                break;
            default:
                StreamError(streamId, "StreamClosed");
                break;
        }
    }

    private void StreamError(int streamId, string code)
    {
        if (!Spend("ProvokedResets"))
        {
            return;
        }

        Send($"Reset {streamId} {code}");
        Stream? stream = OpenStream(streamId);
        if (stream is null)
        {
            Remember(streamId, "ResetByUs");
            return;
        }

        Say($"Reset {streamId} {code} self");
        Close(stream, "ResetByUs");
    }

    private void Close(Stream stream, string ending)
    {
        stream.IsOpen = false;
        Remember(stream.Id, ending);
        Say($"Closed {stream.Id}");
    }

    private void Remember(int streamId, string ending)
    {
        if (!_streams.TryGetValue(streamId, out Stream? stream))
        {
            _streams[streamId] = stream = new Stream(streamId, IsLocal(streamId), 0, 0) { IsOpen = false };
        }

        stream.Ending = ending;
        _rememberedAt[Slot(streamId)] = streamId;
    }

    private static int Slot(int streamId) => streamId / 2 % RememberedStreams;

    private Stream? OpenStream(int streamId) => _streams.TryGetValue(streamId, out Stream? stream) && stream.IsOpen ? stream : null;

    private bool IsLocal(int streamId) => streamId % 2 == (IsClient ? 1 : 0);

    private bool IsIdle(int streamId) => streamId > (IsLocal(streamId) ? _lastLocalStream : _lastPeerStream);
}
