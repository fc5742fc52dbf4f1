using System.Buffers.Binary;
using Mesh.Node.Protocols.Http2.Frames;
using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Http2;

/// <summary>SETTINGS, PING, GOAWAY, RST_STREAM, WINDOW_UPDATE and PRIORITY as they arrive.</summary>
public sealed partial class Http2Connection
{
    private int _peerGoAwayLastStreamId = int.MaxValue;

    private void BeginSettings()
    {
        bool isAck = _frame.Has(FrameFlags.Ack);
        if (_frame.StreamId != 0)
        {
            Fail(Http2ErrorReason.FrameNotOnStreamZero);
        }
        else if (_frame.PayloadBytes % SettingBytes != 0 || (isAck && _frame.PayloadBytes != 0))
        {
            Fail(Http2ErrorReason.BadFrameSize);
        }
        else if (isAck)
        {
            OnSettingsAck();
        }
        else if (!_flood.SettingsFrames.TryTake(_nowMs) || _frame.PayloadBytes > SettingsEntriesMax * SettingBytes)
        {
            // One frame with a hundred thousand windows is a flood as well: each one touches every stream.
            Fail(Http2ErrorReason.SettingsFlood);
        }
        else
        {
            _windowsOpened = false;
            _part = FramePart.Settings;
        }
    }

    private void OnSettingsAck()
    {
        _part = FramePart.Header;
        if (_settingsUnacked == 0)
        {
            Fail(Http2ErrorReason.SettingsAckUnexpected);
            return;
        }

        _settingsUnacked--;

        // From here on the peer's encoder is bound by our table size, not by the default (RFC 7541 §4.2).
        _decoder.SetTableLimit(_options.HeaderTableBytes);
    }

    private bool StepSettings(ref ReadOnlySpan<byte> input)
    {
        while (_payloadLeft > 0)
        {
            if (!TryCollect(ref input, SettingBytes, out ReadOnlySpan<byte> entry))
            {
                return false;
            }

            _payloadLeft -= SettingBytes;
            ApplySetting((SettingId)BinaryPrimitives.ReadUInt16BigEndian(entry), BinaryPrimitives.ReadUInt32BigEndian(entry[2..]));
            if (Error.IsError)
            {
                return false;
            }
        }

        _part = FramePart.Header;
        PeerSettingsReceived = true;
        WriteFrame(FrameType.Settings, FrameFlags.Ack, 0, []);
        TellSettings();
        return true;
    }

    private void TellSettings()
    {
        _isInCallback = true;
        _handler.OnSettingsChanged();
        if (_windowsOpened && !Error.IsError)
        {
            _windowsOpened = false;
            _handler.OnSendWindowOpened(null);
        }

        _isInCallback = false;
    }

    private void ApplySetting(SettingId id, uint value)
    {
        switch (id)
        {
            case SettingId.HeaderTableSize:
                _encoder.SetTableLimit(value);
                break;

            case SettingId.EnablePush:
                // RFC 9113 §6.5.2: a server may only say 0.
                FailIf(value > 1 || (value == 1 && Role == Http2Role.Client), Http2ErrorReason.BadSettingValue);
                break;

            case SettingId.MaxConcurrentStreams:
                _peerStreamsMax = value;
                break;

            case SettingId.InitialWindowSize:
                ApplyInitialWindow(value);
                break;

            case SettingId.MaxFrameSize:
                FailIf(value is < FrameBytesDefault or > 16_777_215, Http2ErrorReason.BadSettingValue);
                _peerFrameBytesMax = (int)Math.Min(value, 16_777_215);
                break;

            case SettingId.MaxHeaderListSize:
                PeerHeaderListBytesMax = value;
                break;

            case SettingId.EnableConnectProtocol:
                // RFC 8441 §3: once allowed, it cannot be taken back.
                FailIf(value > 1 || (value == 0 && PeerEnablesConnectProtocol), Http2ErrorReason.BadSettingValue);
                PeerEnablesConnectProtocol = value == 1;
                break;

            default:
                // RFC 9113 §6.5.2: an unknown setting is ignored.
                break;
        }
    }

    private void FailIf(bool isWrong, Http2ErrorReason reason)
    {
        if (isWrong)
        {
            Fail(reason);
        }
    }

    /// <summary>Changes the send window of every open stream by the difference (RFC 9113 §6.9.2).</summary>
    private void ApplyInitialWindow(uint value)
    {
        if (value > int.MaxValue)
        {
            Fail(Http2ErrorReason.WindowOverflow);
            return;
        }

        int differenceBytes = (int)value - _peerInitialWindowBytes;
        _peerInitialWindowBytes = (int)value;
        for (Http2Stream? stream = _firstActive; stream is not null; stream = stream.Next)
        {
            bool wasClosed = stream.SendWindow.Bytes <= 0;
            if (!stream.SendWindow.TryResize(differenceBytes))
            {
                Fail(Http2ErrorReason.WindowOverflow);
                return;
            }

            _windowsOpened |= wasClosed && stream.SendWindow.Bytes > 0;
        }
    }

    private void OnPingFrame(ulong opaque)
    {
        if (!_flood.PingFrames.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.PingFlood);
        }
        else if (!_frame.Has(FrameFlags.Ack))
        {
            WritePing(opaque, FrameFlags.Ack);
        }
        else if (opaque == DrainPing && _goAway != GoAwayProgress.None)
        {
            if (_goAway == GoAwayProgress.Announced)
            {
                FinishDrain();
            }
        }
        else
        {
            _isInCallback = true;
            _handler.OnPingAck(opaque);
            _isInCallback = false;
        }
    }

    private void OnGoAwayFrame(int lastStreamId, Http2ErrorCode code)
    {
        if (lastStreamId > _peerGoAwayLastStreamId)
        {
            // RFC 9113 §6.8: streams above the first limit were retried elsewhere already.
            Fail(Http2ErrorReason.GoAwayIncreased);
            return;
        }

        if (GoAwayReceived && !_flood.IgnoredFrames.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.IgnoredFrameFlood);
            return;
        }

        GoAwayReceived = true;
        _peerGoAwayLastStreamId = lastStreamId;
        Http2Stream? stream = _firstActive;
        while (stream is not null)
        {
            Http2Stream? next = stream.Next;
            if (stream.Has(StreamFlags.Local) && stream.Id > lastStreamId)
            {
                EndByReset(stream, Http2ErrorCode.RefusedStream, byPeer: true);
            }

            stream = next;
        }

        TellClosed();
        if (Error.IsError)
        {
            return; // The owner abandoned the connection just now.
        }

        _isInCallback = true;
        _handler.OnGoAway(lastStreamId, code);
        _isInCallback = false;
    }

    private void OnResetFrame(Http2ErrorCode code)
    {
        int streamId = _frame.StreamId;
        if (IsIdle(streamId))
        {
            Fail(Http2ErrorReason.FrameOnIdleStream);
            return;
        }

        Http2Stream? stream = Find(streamId);
        if (stream is null)
        {
            // It crossed with our own end of the stream (RFC 9113 §5.1).
            FailIf(!_flood.IgnoredFrames.TryTake(_nowMs), Http2ErrorReason.IgnoredFrameFlood);
            return;
        }

        bool isUnanswered = !stream.Has(StreamFlags.Local) && !stream.Has(StreamFlags.HeadSent);
        if (isUnanswered && !_flood.UnansweredResets.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.RapidReset);
            return;
        }

        EndByReset(stream, code, byPeer: true);
    }

    private void OnWindowUpdateFrame(int incrementBytes)
    {
        int streamId = _frame.StreamId;
        if (!_flood.WindowUpdateFrames.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.WindowUpdateFlood);
        }
        else if (streamId == 0)
        {
            GrowConnectionWindow(incrementBytes);
        }
        else if (IsIdle(streamId))
        {
            Fail(Http2ErrorReason.FrameOnIdleStream);
        }
        else if (Find(streamId) is { } stream)
        {
            GrowStreamWindow(stream, incrementBytes);
        }
    }

    private void GrowConnectionWindow(int incrementBytes)
    {
        bool wasClosed = _sendWindow.Bytes <= 0;
        if (incrementBytes == 0)
        {
            Fail(Http2ErrorReason.ZeroWindowIncrement);
        }
        else if (!_sendWindow.TryGrow(incrementBytes))
        {
            Fail(Http2ErrorReason.WindowOverflow);
        }
        else if (wasClosed)
        {
            _windowClosedSinceMs = -1;
            TellWindowOpened(null);
        }
    }

    private void GrowStreamWindow(Http2Stream stream, int incrementBytes)
    {
        bool wasClosed = stream.SendWindow.Bytes <= 0;
        if (incrementBytes == 0)
        {
            StreamError(stream.Id, Http2ErrorCode.ProtocolError);
        }
        else if (!stream.SendWindow.TryGrow(incrementBytes))
        {
            StreamError(stream.Id, Http2ErrorCode.FlowControlError);
        }
        else if (wasClosed && stream.SendWindow.Bytes > 0)
        {
            TellWindowOpened(stream);
        }
    }

    private void BeginPriority()
    {
        int streamId = _frame.StreamId;
        if (streamId == 0)
        {
            Fail(Http2ErrorReason.FrameOnStreamZero);
        }
        else if (!_flood.PriorityFrames.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.PriorityFlood);
        }
        else if (_frame.PayloadBytes == PriorityBytes)
        {
            _part = FramePart.Skip; // Deprecated: parsed and ignored (RFC 9113 §5.3.2).
        }
        else if (Find(streamId) is null)
        {
            // RFC 9113 §6.3 wants a stream error, but there is no stream to reset.
            Fail(Http2ErrorReason.BadFrameSize);
        }
        else
        {
            _part = FramePart.Skip;
            StreamError(streamId, Http2ErrorCode.FrameSizeError);
        }
    }
}
