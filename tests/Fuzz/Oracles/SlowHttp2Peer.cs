using System.Buffers.Binary;
using Mesh.Fuzz.Targets;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Fuzz.Oracles;

/// <summary>
/// RFC 9113 read from the top: the whole input lies there, one frame is judged after the other, every stream there ever was is remembered. Knows what the
/// engine should say and send for an input, including what its owner (<see cref="Http2Owner"/>) does about it.
/// </summary>
internal sealed class SlowHttp2Peer(Http2Plan plan)
{
    /// <summary>How many closed streams the engine can tell apart, by identifier; older ones it may have forgotten.</summary>
    private const int RememberedStreams = 16;

    private readonly Transcript _transcript = new();
    private readonly Dictionary<int, Stream> _streams = [];
    private readonly Dictionary<int, int> _rememberedAt = [];
    private readonly Dictionary<string, int> _floods = [];
    private readonly SlowHpackDecoder _hpack = new(Http2Plan.HeaderListBytesMax, Http2Plan.HeaderListBytesMax * Http2Plan.HeaderListBombFactor);
    private readonly List<byte> _block = [];
    private bool _settingsSeen;
    private int _settingsUnacked = 1;
    private bool _connectProtocolSeen;
    private int _lastPeerStream;
    private int _lastLocalStream;
    private int _goAwaySentLast = int.MaxValue;
    private long _goAwayReceivedLast = int.MaxValue;
    private bool _goAwayReceived;
    private long _initialWindow = 65_535;
    private long _connectionSendWindow = 65_535;
    private long _connectionReceive = plan.Options.ConnectionWindowBytes;
    private long _connectionReturned;
    private int _blockStream;
    private bool _blockEnds;
    private bool _blockOpens;
    private int _continuations;
    private bool _failed;

    private bool IsClient => plan.Role == Http2Role.Client;

    public Transcript Run(byte[] input)
    {
        if (plan.SaidGoAway)
        {
            _goAwaySentLast = 0;
            Send("GoAway 0 NoError");
        }

        if (IsClient)
        {
            OpenStreams();
        }

        int at = 0;
        if (!IsClient)
        {
            byte[] preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();
            int compared = Math.Min(preface.Length, input.Length);
            if (!input.AsSpan(0, compared).SequenceEqual(preface.AsSpan(0, compared)))
            {
                Fail("BadPreface");
            }

            at = preface.Length;
        }

        while (!_failed && at + 9 <= input.Length)
        {
            int length = (input[at] << 16) | (input[at + 1] << 8) | input[at + 2];
            int streamId = (int)(BinaryPrimitives.ReadUInt32BigEndian(input.AsSpan(at + 5)) & 0x7FFF_FFFF);
            byte[] payload = input[(at + 9)..Math.Min(input.Length, at + 9 + length)];
            OnFrame(length, input[at + 3], input[at + 4], streamId, payload);
            at += 9 + length;
        }

        return _transcript;
    }

    private void OpenStreams()
    {
        foreach (bool ends in (bool[])[true, false, false, true])
        {
            int id = _lastLocalStream == 0 ? 1 : _lastLocalStream + 2;
            _lastLocalStream = id;
            _streams[id] = new Stream(id, isLocal: true, _initialWindow, plan.Options.StreamWindowBytes)
            {
                HeadSent = true,
                WeEnded = ends,
                IsConnect = id == 5,
                IsHead = id == 7,
            };
            Send($"Headers {id}{(ends ? " END" : "")}");
        }
    }

    private void OnFrame(int length, int type, int flags, int streamId, byte[] payload)
    {
        bool ack = (flags & 1) != 0;
        if (length > Http2Plan.PayloadBytesMax)
        {
            Fail("FrameTooLarge");
        }
        else if (!_settingsSeen && (type != 4 || ack))
        {
            Fail("FirstFrameNotSettings");
        }
        else if (_blockStream != 0 && (type != 9 || streamId != _blockStream))
        {
            Fail("HeaderBlockInterrupted");
        }
        else
        {
            switch (type)
            {
                case 0:
                    OnData(length, flags, streamId, payload);
                    break;
                case 1:
                    OnHeaders(length, flags, streamId, payload);
                    break;
                case 2:
                    OnPriority(length, streamId);
                    break;
                case 3:
                    OnReset(length, streamId, payload);
                    break;
                case 4:
                    OnSettings(length, ack, streamId, payload);
                    break;
                case 5:
                    Fail("PushPromiseRefused");
                    break;
                case 6:
                    OnPing(length, ack, streamId, payload);
                    break;
                case 7:
                    OnGoAway(length, streamId, payload);
                    break;
                case 8:
                    OnWindowUpdate(length, streamId, payload);
                    break;
                case 9:
                    OnContinuation(length, flags, streamId, payload);
                    break;
                default:
                    Spend("IgnoredFrameFlood");
                    break;
            }
        }
    }

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

    private void OnRequest(int streamId, List<SlowField> fields, bool isTooLarge)
    {
        if (streamId > _goAwaySentLast)
        {
            Remember(streamId, "ResetByUs");
            Spend("IgnoredFrameFlood");
            return;
        }

        if (_streams.Values.Count(stream => stream.IsOpen && !stream.IsLocal) >= Http2Plan.StreamsMax)
        {
            if (Spend(_settingsUnacked == 0 ? "ProvokedResets" : "RapidReset", "ProvokedResets"))
            {
                Remember(streamId, "ResetByUs");
                Send($"Reset {streamId} RefusedStream");
            }

            return;
        }

        if (isTooLarge)
        {
            Refuse(streamId, _blockEnds ? null : "NoError");
            return;
        }

        bool isRequest = SlowHeaderRules.IsRequest(fields, plan.AllowsConnectProtocol, out bool isConnect, out bool isHead, out long contentBytes);
        if (!isRequest || (_blockEnds && !isConnect && contentBytes > 0))
        {
            Refuse(streamId, "ProtocolError");
            return;
        }

        var stream = new Stream(streamId, isLocal: false, _initialWindow, plan.Options.StreamWindowBytes)
        {
            HeadReceived = true,
            IsConnect = isConnect,
            IsHead = isHead,
            ContentLeft = isConnect ? -1 : contentBytes,
            PeerEnded = _blockEnds,
        };
        _streams[streamId] = stream;
        SayBlock("Request", streamId, fields);
        ResetAsPlanned(stream);
        if (plan.Owner == Http2Owner.Answers)
        {
            Send($"Headers {streamId}{(_blockEnds ? " END" : "")}");
            stream.HeadSent = true;
            stream.IsTunnel = isConnect;
            stream.WeEnded = _blockEnds;
            if (stream.IsFinished)
            {
                Close(stream, "Finished");
            }
        }
    }

    private void Refuse(int streamId, string? reset)
    {
        if (!Spend("ProvokedResets"))
        {
            return;
        }

        Send($"Headers {streamId} END");
        Remember(streamId, reset is null ? "Finished" : "ResetByUs");
        if (reset is not null)
        {
            Send($"Reset {streamId} {reset}");
        }

        Say($"Refused {streamId}");
    }

    private void OnResponse(Stream stream, List<SlowField> fields)
    {
        bool isResponse = SlowHeaderRules.IsResponse(fields, out int status, out long contentBytes);
        if (!isResponse || (status < 200 && _blockEnds))
        {
            StreamError(stream.Id, "ProtocolError");
            return;
        }

        if (status < 200)
        {
            stream.Informational++;
            if (stream.Informational > Http2Plan.InformationalMax)
            {
                Fail("InformationalFlood");
                return;
            }

            SayBlock("Informational", stream.Id, fields);
            ResetAsPlanned(stream);
            return;
        }

        stream.HeadReceived = true;
        if (stream.IsConnect && status < 300)
        {
            stream.IsTunnel = true;
        }
        else
        {
            stream.ContentLeft = stream.IsHead || status is 204 or 304 ? 0 : contentBytes;
        }

        if (_blockEnds && stream.ContentLeft > 0)
        {
            StreamError(stream.Id, "ProtocolError");
            return;
        }

        EndByBlock(stream, "Response", fields);
    }

    private void OnTrailers(Stream stream, List<SlowField> fields)
    {
        bool isTunnel = IsClient ? stream.IsTunnel : stream.IsConnect;
        if (!_blockEnds || isTunnel || stream.ContentLeft > 0 || !SlowHeaderRules.AreFields(fields, out _))
        {
            StreamError(stream.Id, "ProtocolError");
            return;
        }

        EndByBlock(stream, "Trailers", fields);
        if (plan.Owner == Http2Owner.Answers && !IsClient && stream.IsOpen)
        {
            CompleteAnswer(stream);
        }
    }

    private void EndByBlock(Stream stream, string kind, List<SlowField> fields)
    {
        stream.PeerEnded |= _blockEnds;
        bool isFinished = stream.IsFinished;
        SayBlock(kind, stream.Id, fields);
        if (isFinished)
        {
            Close(stream, "Finished");
        }
        else
        {
            ResetAsPlanned(stream);
        }
    }

    private void ResetAsPlanned(Stream stream)
    {
        if (plan.Resets(stream.Id))
        {
            Send($"Reset {stream.Id} Cancel");
            Close(stream, "ResetByUs");
        }
    }

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

    private void OnSettings(int length, bool ack, int streamId, byte[] payload)
    {
        if (streamId != 0)
        {
            Fail("FrameNotOnStreamZero");
            return;
        }

        if (length % 6 != 0 || (ack && length > 0))
        {
            Fail("BadFrameSize");
            return;
        }

        if (ack)
        {
            if (_settingsUnacked == 0)
            {
                Fail("SettingsAckUnexpected");
                return;
            }

            _settingsUnacked--;
            _hpack.SetTableLimit(Http2Plan.TableBytes);
            return;
        }

        if (!Spend("SettingsFlood"))
        {
            return;
        }

        if (length > 64 * 6)
        {
            Fail("SettingsFlood");
            return;
        }

        bool opened = false;
        for (int at = 0; at + 6 <= payload.Length && !_failed; at += 6)
        {
            ApplySetting(BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(at)), BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(at + 2)), ref opened);
        }

        if (_failed || payload.Length < length)
        {
            return;
        }

        _settingsSeen = true;
        Send("SettingsAck");
        Say("Settings");
        if (opened)
        {
            Say("WindowOpened 0");
        }
    }

    private void ApplySetting(int id, uint value, ref bool opened)
    {
        switch (id)
        {
            case 2 when value > 1 || (IsClient && value == 1):
            case 5 when value is < 16_384 or > 16_777_215:
            case 8 when value > 1 || (value == 0 && _connectProtocolSeen):
                Fail("BadSettingValue");
                break;

            case 8:
                _connectProtocolSeen = value == 1;
                break;

            case 4 when value > int.MaxValue:
                Fail("WindowOverflow");
                break;

            case 4:
                long difference = value - _initialWindow;
                _initialWindow = value;
                foreach (Stream stream in _streams.Values.Where(next => next.IsOpen))
                {
                    bool wasClosed = stream.Send <= 0;
                    stream.Send += difference;
                    if (stream.Send > int.MaxValue)
                    {
                        Fail("WindowOverflow");
                        return;
                    }

                    opened |= wasClosed && stream.Send > 0;
                }

                break;

            default:
                break;
        }
    }

    private void OnPing(int length, bool ack, int streamId, byte[] payload)
    {
        if (!IsControl(length, 8, streamId != 0 ? "FrameNotOnStreamZero" : null) || payload.Length < 8 || !Spend("PingFlood"))
        {
            return;
        }

        if (ack)
        {
            Say($"PingAck {BinaryPrimitives.ReadUInt64BigEndian(payload):x}");
        }
        else
        {
            Send($"PingAck {Convert.ToHexStringLower(payload)}");
        }
    }

    private void OnGoAway(int length, int streamId, byte[] payload)
    {
        if (streamId != 0)
        {
            Fail("FrameNotOnStreamZero");
            return;
        }

        if (length < 8)
        {
            Fail("BadFrameSize");
            return;
        }

        if (payload.Length < 8)
        {
            return;
        }

        int last = (int)(BinaryPrimitives.ReadUInt32BigEndian(payload) & 0x7FFF_FFFF);
        if (last > _goAwayReceivedLast)
        {
            Fail("GoAwayIncreased");
            return;
        }

        if (_goAwayReceived && !Spend("IgnoredFrameFlood"))
        {
            return;
        }

        _goAwayReceived = true;
        _goAwayReceivedLast = last;
        foreach (Stream stream in _streams.Values.Where(next => next.IsOpen && next.IsLocal && next.Id > last).OrderByDescending(next => next.Id).ToArray())
        {
            Say($"Reset {stream.Id} RefusedStream peer");
            Close(stream, "ResetByPeer");
        }

        Say($"GoAway {last} {(Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload.AsSpan(4))}");
    }

    private void OnWindowUpdate(int length, int streamId, byte[] payload)
    {
        if (!IsControl(length, 4, misplaced: null) || payload.Length < 4 || !Spend("WindowUpdateFlood"))
        {
            return;
        }

        long increment = BinaryPrimitives.ReadUInt32BigEndian(payload) & 0x7FFF_FFFF;
        if (streamId == 0)
        {
            _connectionSendWindow += increment;
            if (increment == 0)
            {
                Fail("ZeroWindowIncrement");
            }
            else if (_connectionSendWindow > int.MaxValue)
            {
                Fail("WindowOverflow");
            }

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
            return;
        }

        if (increment == 0 || stream.Send + increment > int.MaxValue)
        {
            StreamError(streamId, increment == 0 ? "ProtocolError" : "FlowControlError");
            return;
        }

        bool wasClosed = stream.Send <= 0;
        stream.Send += increment;
        if (wasClosed && stream.Send > 0)
        {
            Say($"WindowOpened {streamId}");
        }
    }

    private bool IsControl(int length, int expected, string? misplaced)
    {
        if (misplaced is not null)
        {
            Fail(misplaced);
            return false;
        }

        if (length != expected)
        {
            Fail("BadFrameSize");
            return false;
        }

        return true;
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

    /// <summary>Takes one from a budget; fails when there is none.</summary>
    private bool Spend(string budget, string? reason = null)
    {
        int spent = _floods.GetValueOrDefault(budget) + 1;
        _floods[budget] = spent;
        if (spent > Http2Plan.FloodBudget)
        {
            Fail(reason ?? budget);
        }

        return !_failed;
    }

    private void Fail(string reason)
    {
        if (_failed)
        {
            return;
        }

        _failed = true;
        _transcript.Error = reason;
        string code = Http2ConnectionError.For(Enum.Parse<Http2ErrorReason>(reason)).Code.ToString();
        Send($"GoAway {Math.Min(_goAwaySentLast, _lastPeerStream)} {code}");
        foreach (Stream stream in _streams.Values.Where(next => next.IsOpen).OrderByDescending(next => next.Id).ToArray())
        {
            Say($"Reset {stream.Id} {code} self");
            Close(stream, "ResetByUs");
        }
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

    private void Say(string line) => _transcript.Events.Add(line);

    private void SayBlock(string kind, int streamId, List<SlowField> fields) =>
        Say($"{kind} {streamId} {string.Join('|', fields)}{(_blockEnds ? " END" : "")}");

    private void Send(string line) => _transcript.Sent.Add(line);

    private sealed class Stream(int id, bool isLocal, long sendWindow, long receiveWindow)
    {
        public int Id => id;

        public bool IsLocal => isLocal;

        public bool IsOpen { get; set; } = true;

        public string Ending { get; set; } = "";

        public long Send { get; set; } = sendWindow;

        public long Receive { get; set; } = receiveWindow;

        public long WindowBytes { get; set; } = receiveWindow;

        public long Returned { get; set; }

        public long Unconsumed { get; set; }

        public long ContentLeft { get; set; } = -1;

        public int Informational { get; set; }

        public bool HeadReceived { get; set; }

        public bool HeadSent { get; set; }

        public bool IsConnect { get; set; }

        public bool IsHead { get; set; }

        public bool IsTunnel { get; set; }

        public bool PeerEnded { get; set; }

        public bool WeEnded { get; set; }

        public bool IsFinished => PeerEnded && WeEnded;
    }
}
