using System.Buffers.Binary;
using Mesh.Node.Protocols.Http2.Frames;

namespace Mesh.Node.Protocols.Http2;

/// <summary>
/// From bytes to frames. Nothing but DATA, whose bytes are passed on, and header blocks, which HPACK needs whole, is ever longer than eight
/// bytes here.
/// </summary>
public sealed partial class Http2Connection
{
    private const int ScratchBytes = 24;
    private const int PriorityBytes = 5;
    private const int SettingBytes = 6;
    private const int SettingsEntriesMax = 64;
    private const int GoAwayFixedBytes = 8;

    private readonly byte[] _scratch = new byte[ScratchBytes];
    private int _scratchBytes;
    private FramePart _part;
    private FrameHeader _frame;

    /// <summary>Of the payload, what <see cref="_part"/> has still to take. Padding is not in it.</summary>
    private int _payloadLeft;
    private int _paddingLeft;

    /// <summary>The stream the DATA being received belongs to; null when it is to be dropped.</summary>
    private Http2Stream? _dataStream;
    private bool _windowsOpened;

    /// <summary>Takes all of <paramref name="bytes"/>. What is incomplete is kept inside; DATA is passed on as it comes.</summary>
    /// <param name="bytes">What the transport read.</param>
    /// <param name="nowMs">A monotonic clock, for the limits in time.</param>
    /// <exception cref="InvalidOperationException">Called before <see cref="Start"/> or from inside a handler.</exception>
    public Http2ReceiveStatus Receive(ReadOnlySpan<byte> bytes, long nowMs)
    {
        if (!_isStarted || _isReceiving || _isInCallback)
        {
            throw new InvalidOperationException(_isStarted ? "A handler may not call Receive." : "The connection was not started.");
        }

        if (Error.IsError)
        {
            return Http2ReceiveStatus.ConnectionError;
        }

        SetNow(nowMs);
        _isReceiving = true;
        ReadOnlySpan<byte> input = bytes;
        while (!Error.IsError && Step(ref input))
        {
            TellClosed();
        }

        _isReceiving = false;
        Settle();
        return Error.IsError ? Http2ReceiveStatus.ConnectionError : Http2ReceiveStatus.Ok;
    }

    /// <summary>Takes the next part of a frame.</summary>
    /// <returns>False when it needs more bytes than there are.</returns>
    private bool Step(ref ReadOnlySpan<byte> input) => _part switch
    {
        FramePart.Header => StepHeader(ref input),
        FramePart.Data => StepData(ref input),
        FramePart.Prefix => StepPrefix(ref input),
        FramePart.HeaderFragment => StepHeaderFragment(ref input),
        FramePart.Control => StepControl(ref input),
        FramePart.Settings => StepSettings(ref input),
        FramePart.Skip => StepSkip(ref input),
        _ => StepPreface(ref input),
    };

    /// <summary>Takes exactly <paramref name="count"/> bytes off the input, out of the scratch when they come in pieces.</summary>
    private bool TryCollect(ref ReadOnlySpan<byte> input, int count, out ReadOnlySpan<byte> collected)
    {
        if (_scratchBytes == 0 && input.Length >= count)
        {
            collected = input[..count];
            input = input[count..];
            return true;
        }

        int taken = Math.Min(count - _scratchBytes, input.Length);
        input[..taken].CopyTo(_scratch.AsSpan(_scratchBytes));
        input = input[taken..];
        _scratchBytes += taken;
        collected = _scratch.AsSpan(0, _scratchBytes);
        if (_scratchBytes < count)
        {
            return false;
        }

        _scratchBytes = 0;
        return true;
    }

    private bool StepPreface(ref ReadOnlySpan<byte> input)
    {
        // Judged byte by byte: what is not a preface, an HTTP/1 request say, is refused at its first wrong byte.
        ReadOnlySpan<byte> expected = s_preface.AsSpan(_scratchBytes);
        int taken = Math.Min(expected.Length, input.Length);
        if (!input[..taken].SequenceEqual(expected[..taken]))
        {
            Fail(Http2ErrorReason.BadPreface);
            return false;
        }

        input = input[taken..];
        _scratchBytes += taken;
        if (_scratchBytes < s_preface.Length)
        {
            return false;
        }

        _scratchBytes = 0;
        _part = FramePart.Header;
        return true;
    }

    private bool StepHeader(ref ReadOnlySpan<byte> input)
    {
        if (!TryCollect(ref input, FrameHeader.SizeBytes, out ReadOnlySpan<byte> header))
        {
            return false;
        }

        _frame = FrameHeader.Decode(header);
        BeginFrame();
        return true;
    }

    /// <summary>Judges a frame by its nine bytes, so that a hostile length never makes us wait for it or hold it.</summary>
    private void BeginFrame()
    {
        _payloadLeft = _frame.PayloadBytes;
        _paddingLeft = 0;
        if (_frame.PayloadBytes > _options.FrameBytesMax)
        {
            Fail(Http2ErrorReason.FrameTooLarge);
        }
        else if (!PeerSettingsReceived && (_frame.Type != FrameType.Settings || _frame.Has(FrameFlags.Ack)))
        {
            Fail(Http2ErrorReason.FirstFrameNotSettings);
        }
        else if (_blockStreamId != 0 && (_frame.Type != FrameType.Continuation || _frame.StreamId != _blockStreamId))
        {
            Fail(Http2ErrorReason.HeaderBlockInterrupted);
        }
        else
        {
            BeginTypedFrame();
        }
    }

    private void BeginTypedFrame()
    {
        switch (_frame.Type)
        {
            case FrameType.Data:
                BeginData();
                break;
            case FrameType.Headers:
                BeginHeaders();
                break;
            case FrameType.Continuation:
                BeginContinuation();
                break;
            case FrameType.Priority:
                BeginPriority();
                break;
            case FrameType.RstStream:
                BeginControl(sizeBytes: 4, isOnStream: true);
                break;
            case FrameType.Settings:
                BeginSettings();
                break;
            case FrameType.PushPromise:
                Fail(Http2ErrorReason.PushPromiseRefused);
                break;
            case FrameType.Ping:
                BeginControl(sizeBytes: 8, isOnStream: false);
                break;
            case FrameType.GoAway:
                BeginGoAway();
                break;
            case FrameType.WindowUpdate:
                BeginControl(sizeBytes: 4, isOnStream: null);
                break;
            default:
                // RFC 9113 §4.1: an unknown type is ignored, but not without end.
                Ignore();
                break;
        }
    }

    private void Ignore()
    {
        if (!_flood.IgnoredFrames.TryTake(_nowMs))
        {
            Fail(Http2ErrorReason.IgnoredFrameFlood);
            return;
        }

        _part = FramePart.Skip;
    }

    private bool StepSkip(ref ReadOnlySpan<byte> input)
    {
        int taken = Math.Min(_payloadLeft + _paddingLeft, input.Length);
        input = input[taken..];
        int fromPayload = Math.Min(taken, _payloadLeft);
        _payloadLeft -= fromPayload;
        _paddingLeft -= taken - fromPayload;
        if (_payloadLeft + _paddingLeft > 0)
        {
            return false;
        }

        _part = FramePart.Header;
        return true;
    }

    private void BeginControl(int sizeBytes, bool? isOnStream)
    {
        if (isOnStream == true && _frame.StreamId == 0)
        {
            Fail(Http2ErrorReason.FrameOnStreamZero);
        }
        else if (isOnStream == false && _frame.StreamId != 0)
        {
            Fail(Http2ErrorReason.FrameNotOnStreamZero);
        }
        else if (_frame.PayloadBytes != sizeBytes)
        {
            Fail(Http2ErrorReason.BadFrameSize);
        }
        else
        {
            _part = FramePart.Control;
        }
    }

    private void BeginGoAway()
    {
        if (_frame.StreamId != 0)
        {
            Fail(Http2ErrorReason.FrameNotOnStreamZero);
        }
        else if (_frame.PayloadBytes < GoAwayFixedBytes)
        {
            Fail(Http2ErrorReason.BadFrameSize);
        }
        else
        {
            _part = FramePart.Control;
        }
    }

    private bool StepControl(ref ReadOnlySpan<byte> input)
    {
        int wanted = _frame.Type == FrameType.GoAway ? GoAwayFixedBytes : _frame.PayloadBytes;
        if (!TryCollect(ref input, wanted, out ReadOnlySpan<byte> payload))
        {
            return false;
        }

        _payloadLeft -= wanted;
        _part = _payloadLeft == 0 ? FramePart.Header : FramePart.Skip;
        switch (_frame.Type)
        {
            case FrameType.RstStream:
                OnResetFrame((Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload));
                break;
            case FrameType.Ping:
                OnPingFrame(BinaryPrimitives.ReadUInt64BigEndian(payload));
                break;
            case FrameType.GoAway:
                OnGoAwayFrame(
                    lastStreamId: (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & 0x7FFF_FFFF),
                    code: (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]));
                break;
            default:
                OnWindowUpdateFrame((int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & 0x7FFF_FFFF));
                break;
        }

        return true;
    }
}
