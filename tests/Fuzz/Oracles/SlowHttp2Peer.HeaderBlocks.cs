using Mesh.Fuzz.Targets;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Fuzz.Oracles;

/// <content>HEADERS and CONTINUATION, until a block is whole.</content>
internal sealed partial class SlowHttp2Peer
{
    private void OnHeaders(int length, int flags, int streamId, byte[] payload)
    {
        if (streamId == 0)
        {
            Fail("FrameOnStreamZero");
            return;
        }

        bool isIdle = IsIdle(streamId);
        if (isIdle && IsClient)
        {
            Fail("UnexpectedHeaders");
            return;
        }

        if (isIdle && streamId % 2 == 0)
        {
            Fail("BadStreamId");
            return;
        }

        if (isIdle)
        {
            _lastPeerStream = streamId;
        }

        int padField = (flags & 8) != 0 ? 1 : 0;
        int prefix = padField + ((flags & 0x20) != 0 ? 5 : 0);
        if (length < prefix)
        {
            Fail("BadFrameSize");
            return;
        }

        _blockStream = streamId;
        _blockOpens = isIdle;
        _blockEnds = (flags & 1) != 0;
        _block.Clear();
        _continuations = 0;
        if (payload.Length < prefix)
        {
            return;
        }

        int padding = padField == 0 ? 0 : payload[0];
        if (padding > length - prefix)
        {
            Fail("BadPadding");
            return;
        }

        AddFragment(length - prefix - padding, payload[prefix..], (flags & 4) != 0);
    }

    private void OnContinuation(int length, int flags, int streamId, byte[] payload)
    {
        if (_blockStream == 0)
        {
            Fail(streamId == 0 ? "FrameOnStreamZero" : "UnexpectedContinuation");
            return;
        }

        _continuations++;
        if (_continuations > Http2Plan.ContinuationsMax)
        {
            Fail("ContinuationFlood");
            return;
        }

        AddFragment(length, payload, (flags & 4) != 0);
    }

    private void AddFragment(int fragmentBytes, byte[] available, bool isLast)
    {
        if (_block.Count + fragmentBytes > Http2Plan.HeaderBlockBytesMax)
        {
            Fail("HeaderBlockTooLarge");
            return;
        }

        if (available.Length < fragmentBytes)
        {
            return;
        }

        _block.AddRange(available[..fragmentBytes]);
        if (isLast)
        {
            EndBlock();
        }
    }

    private void EndBlock()
    {
        int streamId = _blockStream;
        _blockStream = 0;
        (HpackStatus status, List<SlowField> fields) = _hpack.Decode([.. _block]);
        if (status is not (HpackStatus.Ok or HpackStatus.ListTooLarge))
        {
            Fail(status == HpackStatus.ListBomb ? "HeaderListBomb" : $"Hpack{status}");
            return;
        }

        bool isTooLarge = status == HpackStatus.ListTooLarge;
        Stream? stream = OpenStream(streamId);
        if (_blockOpens)
        {
            OnRequest(streamId, fields, isTooLarge);
        }
        else if (stream is null)
        {
            OnFrameForClosed(streamId, isHeaders: true);
        }
        else if (stream.PeerEnded)
        {
            StreamError(streamId, "StreamClosed");
        }
        else if (isTooLarge)
        {
            StreamError(streamId, "EnhanceYourCalm");
        }
        else if (stream.HeadReceived)
        {
            OnTrailers(stream, fields);
        }
        else
        {
            OnResponse(stream, fields);
        }
    }
}
