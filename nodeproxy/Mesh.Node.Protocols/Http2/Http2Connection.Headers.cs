using System.Buffers;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Frames;
using Mesh.Node.Protocols.Http2.Hpack;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Http2;

/// <summary>Header blocks: collected from HEADERS and CONTINUATION, decoded always, judged, and passed on.</summary>
public sealed partial class Http2Connection
{
    private const int HeaderListKeepBytesMax = 16 * 1024;

    private readonly HeaderList _receivedHeaders = new();
    private HeaderList? _refusalHeaders;

    /// <summary>The stream of the block being collected; zero when none is.</summary>
    private int _blockStreamId;
    private long _blockSinceMs;
    private bool _blockEndsStream;
    private bool _blockOpensStream;
    private int _blockContinuations;
    private byte[] _block = [];
    private int _blockBytes;

    private void BeginHeaders()
    {
        int streamId = _frame.StreamId;
        if (streamId == 0)
        {
            Fail(Http2ErrorReason.FrameOnStreamZero);
            return;
        }

        bool isIdle = IsIdle(streamId);
        if (isIdle && Role == Http2Role.Client)
        {
            Fail(Http2ErrorReason.UnexpectedHeaders);
            return;
        }

        if (isIdle && IsLocal(streamId))
        {
            Fail(Http2ErrorReason.BadStreamId);
            return;
        }

        if (isIdle)
        {
            // RFC 9113 §5.1.1: opening a stream closes every idle one below it, whether or not this one is served.
            _lastPeerStreamId = streamId;
        }

        _blockStreamId = streamId;
        _blockSinceMs = _nowMs;
        _blockOpensStream = isIdle;
        _blockEndsStream = _frame.Has(FrameFlags.EndStream);
        _blockContinuations = 0;
        _blockBytes = 0;

        int prefixBytes = (_frame.Has(FrameFlags.Padded) ? 1 : 0) + (_frame.Has(FrameFlags.Priority) ? PriorityBytes : 0);
        if (_frame.PayloadBytes < prefixBytes)
        {
            Fail(Http2ErrorReason.BadFrameSize);
        }
        else if (prefixBytes > 0)
        {
            _part = FramePart.Prefix;
        }
        else
        {
            BeginHeaderFragment();
        }
    }

    private void BeginContinuation()
    {
        if (_blockStreamId == 0)
        {
            Fail(_frame.StreamId == 0 ? Http2ErrorReason.FrameOnStreamZero : Http2ErrorReason.UnexpectedContinuation);
        }
        else if (++_blockContinuations > _options.ContinuationFramesMax)
        {
            Fail(Http2ErrorReason.ContinuationFlood);
        }
        else
        {
            BeginHeaderFragment();
        }
    }

    private void BeginHeaderFragment()
    {
        if (_payloadLeft > _options.HeaderBlockBytesMax - _blockBytes)
        {
            Fail(Http2ErrorReason.HeaderBlockTooLarge);
            return;
        }

        _part = FramePart.HeaderFragment;
    }

    private bool StepHeaderFragment(ref ReadOnlySpan<byte> input)
    {
        bool isLast = _frame.Has(FrameFlags.EndHeaders);
        if (isLast && _blockBytes == 0 && input.Length >= _payloadLeft)
        {
            // The usual case: the whole block lies in the input.
            ReadOnlySpan<byte> whole = input[.._payloadLeft];
            input = input[_payloadLeft..];
            EndBlock(whole);
            return true;
        }

        int taken = Math.Min(_payloadLeft, input.Length);
        AppendToBlock(input[..taken]);
        input = input[taken..];
        _payloadLeft -= taken;
        if (_payloadLeft > 0)
        {
            return false;
        }

        if (isLast)
        {
            EndBlock(_block.AsSpan(0, _blockBytes));
            ReleaseHeaderBlock();
        }
        else
        {
            _part = _paddingLeft == 0 ? FramePart.Header : FramePart.Skip;
        }

        return true;
    }

    private void AppendToBlock(ReadOnlySpan<byte> fragment)
    {
        if (_block.Length - _blockBytes < fragment.Length)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(_blockBytes + fragment.Length);
            _block.AsSpan(0, _blockBytes).CopyTo(larger);
            ReturnBlockArray();
            _block = larger;
        }

        fragment.CopyTo(_block.AsSpan(_blockBytes));
        _blockBytes += fragment.Length;
    }

    private void ReleaseHeaderBlock()
    {
        ReturnBlockArray();
        _block = [];
        _blockBytes = 0;
    }

    private void ReturnBlockArray()
    {
        if (_block.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_block);
        }
    }

    private void EndBlock(ReadOnlySpan<byte> block)
    {
        int streamId = _blockStreamId;
        _payloadLeft = 0;
        _part = _paddingLeft == 0 ? FramePart.Header : FramePart.Skip;
        _blockStreamId = 0;

        HpackStatus status = _decoder.Decode(block, _receivedHeaders);
        if (status is HpackStatus.Ok or HpackStatus.ListTooLarge)
        {
            RouteBlock(streamId, isTooLarge: status == HpackStatus.ListTooLarge);
        }
        else
        {
            Fail(ReasonFor(status));
        }

        _receivedHeaders.ClearAndShrink(HeaderListKeepBytesMax);
    }

    private static Http2ErrorReason ReasonFor(HpackStatus status) => status switch
    {
        HpackStatus.ListBomb => Http2ErrorReason.HeaderListBomb,
        HpackStatus.Truncated => Http2ErrorReason.HpackTruncated,
        HpackStatus.IntegerTooLarge => Http2ErrorReason.HpackIntegerTooLarge,
        HpackStatus.BadIndex => Http2ErrorReason.HpackBadIndex,
        HpackStatus.BadHuffman => Http2ErrorReason.HpackBadHuffman,
        HpackStatus.BadSizeUpdate => Http2ErrorReason.HpackBadSizeUpdate,
        _ => Http2ErrorReason.HpackSizeUpdateMissing,
    };

    /// <summary>Decides whom a decoded block is for. The block was decoded first, because the tables must follow it in any case.</summary>
    private void RouteBlock(int streamId, bool isTooLarge)
    {
        Http2Stream? stream = Find(streamId);
        if (_blockOpensStream)
        {
            OnRequest(streamId, isTooLarge);
        }
        else if (stream is null)
        {
            OnFrameForMissingStream(streamId, opensStream: true);
        }
        else if (stream.State == Http2StreamState.HalfClosedRemote)
        {
            StreamError(streamId, Http2ErrorCode.StreamClosed);
        }
        else if (isTooLarge)
        {
            StreamError(streamId, Http2ErrorCode.EnhanceYourCalm);
        }
        else if (stream.Has(StreamFlags.HeadReceived))
        {
            OnTrailers(stream);
        }
        else
        {
            OnResponse(stream);
        }
    }

    private void OnRequest(int streamId, bool isTooLarge)
    {
        if (streamId > _goAwayLastStreamId)
        {
            // Our GOAWAY said that this stream would not be served; the peer opened it before it knew (RFC 9113 §6.8).
            _closedStreams.Remember(streamId, StreamEnding.ResetByUs);
            FailIf(!_flood.IgnoredFrames.TryTake(_nowMs), Http2ErrorReason.IgnoredFrameFlood);
            return;
        }

        if (_peerStreams >= _options.PeerStreamsMax)
        {
            RefuseStream(streamId);
            return;
        }

        if (isTooLarge)
        {
            RefuseRequest(streamId, HeaderVerdict.ListTooLarge, "431"u8, _blockEndsStream ? null : Http2ErrorCode.NoError);
            return;
        }

        HeaderVerdict verdict = HeaderBlockRules.CheckRequest(_receivedHeaders, _options.EnableConnectProtocol, out MessageFacts facts);
        if (verdict == HeaderVerdict.Ok && _blockEndsStream && !facts.IsConnect && facts.ContentBytes > 0)
        {
            verdict = HeaderVerdict.BadContentLength;
        }

        if (verdict != HeaderVerdict.Ok)
        {
            // RFC 9113 §8.1.1: a server may say what is wrong before it resets.
            RefuseRequest(streamId, verdict, "400"u8, Http2ErrorCode.ProtocolError);
            return;
        }

        Http2Stream stream = AddStream(streamId, isLocal: false);
        stream.Flags |= StreamFlags.HeadReceived
            | (facts.IsConnect ? StreamFlags.Connect : StreamFlags.None)
            | (facts.IsHead ? StreamFlags.Head : StreamFlags.None);
        stream.ContentBytesLeft = facts.IsConnect ? -1 : facts.ContentBytes;
        stream.LastBlock = HeaderBlockKind.Request;
        Move(stream, StreamEvent.ReceiveHeaders);
        PassOnBlock(stream);
    }

    /// <summary>
    /// Refuses a stream beyond our limit. A peer that has not acknowledged the limit could not know it: it has the larger budget.
    /// </summary>
    private void RefuseStream(int streamId)
    {
        bool isWithinBudget = _settingsUnacked == 0
            ? _flood.ProvokedResets.TryTake(_nowMs)
            : _flood.UnansweredResets.TryTake(_nowMs);
        if (!isWithinBudget)
        {
            Fail(Http2ErrorReason.ProvokedResets);
            return;
        }

        _closedStreams.Remember(streamId, StreamEnding.ResetByUs);
        WriteReset(streamId, Http2ErrorCode.RefusedStream);
        _isInCallback = true;
        _handler.OnStreamRefused(streamId, _receivedHeaders);
        _isInCallback = false;
    }

    /// <summary>Answers a request that the handler never sees.</summary>
    private void RefuseRequest(int streamId, HeaderVerdict verdict, ReadOnlySpan<byte> httpStatus, Http2ErrorCode? reset)
    {
        if (!_flood.ProvokedResets.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.ProvokedResets);
            return;
        }

        _refusalHeaders ??= new HeaderList();
        _refusalHeaders.Clear();
        _refusalHeaders.Add(":status"u8, httpStatus);
        WriteHeaderBlock(streamId, _refusalHeaders, endStream: true);
        _closedStreams.Remember(streamId, reset is null ? StreamEnding.Finished : StreamEnding.ResetByUs);
        if (reset is { } code)
        {
            WriteReset(streamId, code);
        }

        _isInCallback = true;
        _handler.OnRequestRefused(streamId, verdict, _receivedHeaders);
        _isInCallback = false;
    }

    private void OnResponse(Http2Stream stream)
    {
        HeaderVerdict verdict = HeaderBlockRules.CheckResponse(_receivedHeaders, out MessageFacts facts);
        bool isInformational = facts.Status is >= 100 and < 200;
        if (verdict != HeaderVerdict.Ok || (isInformational && _blockEndsStream))
        {
            StreamError(stream.Id, Http2ErrorCode.ProtocolError);
            return;
        }

        if (isInformational)
        {
            if (++stream.InformationalCount > _options.InformationalResponsesMax)
            {
                Fail(Http2ErrorReason.InformationalFlood);
                return;
            }

            stream.LastBlock = HeaderBlockKind.Informational;
            PassOnBlock(stream);
            return;
        }

        stream.Flags |= StreamFlags.HeadReceived;
        stream.LastBlock = HeaderBlockKind.Response;
        if (stream.IsTunnel && facts.Status < 300)
        {
            stream.Flags |= StreamFlags.TunnelOpen;
        }
        else
        {
            // What answers HEAD, and 204 and 304, never has content, whatever content-length says (RFC 9110 §6.4.1).
            stream.ContentBytesLeft = stream.Has(StreamFlags.Head) || facts.Status is 204 or 304 ? 0 : facts.ContentBytes;
        }

        if (_blockEndsStream && stream.ContentBytesLeft > 0)
        {
            StreamError(stream.Id, Http2ErrorCode.ProtocolError);
            return;
        }

        PassOnBlock(stream);
    }

    private void OnTrailers(Http2Stream stream)
    {
        // In a tunnel there is nothing but DATA (RFC 9113 §8.5), and trailers end what they trail (§8.1).
        bool isMisplaced = !_blockEndsStream || stream.Has(StreamFlags.TunnelOpen) || (Role == Http2Role.Server && stream.IsTunnel);
        if (isMisplaced || stream.ContentBytesLeft > 0 || HeaderBlockRules.CheckTrailers(_receivedHeaders) != HeaderVerdict.Ok)
        {
            StreamError(stream.Id, Http2ErrorCode.ProtocolError);
            return;
        }

        stream.LastBlock = HeaderBlockKind.Trailers;
        PassOnBlock(stream);
    }

    private void PassOnBlock(Http2Stream stream)
    {
        if (_blockEndsStream)
        {
            Move(stream, StreamEvent.ReceiveEndStream);
        }

        TellHeaders(stream, _receivedHeaders, _blockEndsStream);
    }
}
