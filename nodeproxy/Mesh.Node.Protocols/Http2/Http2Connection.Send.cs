using System.Buffers.Binary;
using System.Text.Unicode;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Frames;
using Mesh.Node.Protocols.Http2.Hpack;
using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Http2;

/// <summary>What the owner sends, and the frames the engine sends for itself.</summary>
public sealed partial class Http2Connection
{
    private const int GoAwayDebugBytesMax = 256;

    private Http2Stream? _reservedStream;
    private int _reservedBytes;

    /// <summary>Opens a stream and sends the head of its request.</summary>
    /// <param name="headers">Pseudo-headers first, names lower case.</param>
    /// <param name="endStream">True when nothing follows.</param>
    /// <param name="tag">Kept as <see cref="Http2Stream.Tag"/>.</param>
    /// <param name="stream">The stream, when it was opened.</param>
    /// <returns>False when <see cref="CanOpenStream"/> is false.</returns>
    public bool TryOpenStream(HeaderList headers, bool endStream, object? tag, out Http2Stream stream)
    {
        if (!CanOpenStream)
        {
            stream = null!;
            return false;
        }

        int streamId = _nextLocalStreamId;
        _nextLocalStreamId = streamId > int.MaxValue - 2 ? -1 : streamId + 2;
        stream = AddStream(streamId, isLocal: true);
        stream.Tag = tag;
        stream.Flags |= StreamFlags.HeadSent;
        if (headers.TryGet(":method"u8, out ReadOnlySpan<byte> method))
        {
            stream.Flags |= method.SequenceEqual("CONNECT"u8) ? StreamFlags.Connect
                : method.SequenceEqual("HEAD"u8) ? StreamFlags.Head
                : StreamFlags.None;
        }

        Move(stream, StreamEvent.SendHeaders);
        WriteHeaderBlock(streamId, headers, endStream);
        if (endStream)
        {
            Move(stream, StreamEvent.SendEndStream);
        }

        Settle();
        return true;
    }

    /// <summary>Sends a response, an informational response or trailers. Nothing happens on a stream that was closed meanwhile.</summary>
    /// <exception cref="ArgumentException">The head of a response does not begin with a valid :status, or 1xx would end the
    /// stream.</exception>
    /// <exception cref="InvalidOperationException">Trailers that do not end the stream, or anything after the end or inside a
    /// tunnel.</exception>
    public void SendHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(headers);
        if (stream.State == Http2StreamState.Closed || Error.IsError)
        {
            return;
        }

        if (!CanSend(stream))
        {
            throw new InvalidOperationException("The stream was ended by this side.");
        }

        if (!stream.Has(StreamFlags.HeadSent))
        {
            int status = headers.Count > 0 && headers[0].Name.SequenceEqual(":status"u8)
                ? FieldRules.ParseStatus(headers[0].Value)
                : 0;
            if (status == 0 || (status < 200 && endStream))
            {
                throw new ArgumentException("A response begins with a valid :status, and 1xx ends nothing.", nameof(headers));
            }

            StreamFlags sent = status < 200 ? StreamFlags.None : StreamFlags.HeadSent;
            stream.Flags |= stream.IsTunnel && status is >= 200 and < 300 ? sent | StreamFlags.TunnelOpen : sent;
        }
        else if (!endStream || stream.Has(StreamFlags.TunnelOpen))
        {
            throw new InvalidOperationException("Trailers end their stream and have no place in a tunnel.");
        }

        Move(stream, StreamEvent.SendHeaders);
        WriteHeaderBlock(stream.Id, headers, endStream);
        if (endStream)
        {
            Move(stream, StreamEvent.SendEndStream);
        }

        Settle();
    }

    /// <summary>
    /// How many bytes of DATA <see cref="ReserveData"/> would give now: the least of both windows, a frame, and the room in the output.
    /// </summary>
    public int SendableBytes(Http2Stream stream)
    {
        if (!CanSend(stream) || !stream.Has(StreamFlags.HeadSent) || Error.IsError || Output.IsAboveHighWater)
        {
            return 0;
        }

        int windowBytes = Math.Min(stream.SendWindow.Bytes, _sendWindow.Bytes);
        return Math.Max(0, Math.Min(windowBytes, Math.Min(_peerFrameBytesMax, _options.DataBytesMax)));
    }

    /// <summary>
    /// Room for the payload of one DATA frame, in the output itself. <see cref="CommitData"/> must follow before anything else is sent.
    /// </summary>
    /// <returns>At most <paramref name="bytesMax"/> and <see cref="SendableBytes"/> bytes; empty when nothing may be sent, and then nothing
    /// is reserved.</returns>
    public Span<byte> ReserveData(Http2Stream stream, int bytesMax)
    {
        int bytes = Math.Min(bytesMax, SendableBytes(stream));
        if (bytes <= 0)
        {
            return default;
        }

        Span<byte> room = Output.Reserve(FrameHeader.SizeBytes + bytes);
        _reservedStream = stream;
        _reservedBytes = bytes;
        return room[FrameHeader.SizeBytes..];
    }

    /// <summary>Sends the first <paramref name="bytes"/> of the reservation as one frame; none of them and no end cancels it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More bytes than were reserved.</exception>
    /// <exception cref="InvalidOperationException">Nothing was reserved for this stream.</exception>
    public void CommitData(Http2Stream stream, int bytes, bool endStream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (bytes == 0 && !endStream)
        {
            CancelReservation();
            return;
        }

        if (_reservedStream != stream)
        {
            throw new InvalidOperationException("Nothing was reserved for this stream.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _reservedBytes);
        FrameHeader.Write(Output.Reserved, bytes, FrameType.Data, endStream ? FrameFlags.EndStream : FrameFlags.None, stream.Id);
        Output.Commit(FrameHeader.SizeBytes + bytes);
        _reservedStream = null;

        stream.SendWindow.Take(bytes);
        _sendWindow.Take(bytes);
        if (_sendWindow.Bytes == 0)
        {
            _windowClosedSinceMs = _nowMs;
        }

        // What a peer may announce for the bytes it got: once for the stream, once for the connection.
        _flood.WindowUpdateFrames.Credit(2);
        Move(stream, StreamEvent.SendData);
        if (endStream)
        {
            Move(stream, StreamEvent.SendEndStream);
            Settle();
        }
    }

    /// <summary>Ends our side of a stream with an empty DATA frame, which no window holds up. Nothing happens when it has ended.</summary>
    /// <exception cref="InvalidOperationException">The head of the response was not sent.</exception>
    public void CompleteSend(Http2Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (!CanSend(stream) || Error.IsError)
        {
            return;
        }

        if (!stream.Has(StreamFlags.HeadSent))
        {
            throw new InvalidOperationException("A response begins with its head.");
        }

        WriteFrame(FrameType.Data, FrameFlags.EndStream, stream.Id, []);
        Move(stream, StreamEvent.SendEndStream);
        Settle();
    }

    /// <summary>Ends a stream at once, both ways. Nothing happens when it is closed.</summary>
    public void ResetStream(Http2Stream stream, Http2ErrorCode code)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (stream.State == Http2StreamState.Closed || Error.IsError)
        {
            return;
        }

        if (_reservedStream == stream)
        {
            CancelReservation();
        }

        WriteReset(stream.Id, code);
        Move(stream, StreamEvent.SendReset);
        Settle();
    }

    /// <summary>
    /// The reader has delivered bytes of <see cref="IHttp2Handler.OnData"/>: the stream's window is returned, in large steps.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">More bytes than were received and not consumed.</exception>
    public void Consumed(Http2Stream stream, int bytes)
    {
        ArgumentNullException.ThrowIfNull(stream);
        if (stream.State == Http2StreamState.Closed || Error.IsError)
        {
            return;
        }

        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, stream.ReceivedUnconsumed);
        stream.ReceivedUnconsumed -= bytes;
        stream.ReceiveWindow.Return(bytes);
        AnnounceWindow(stream);
        Settle();
    }

    /// <summary>Announces what a stream's reader returned, once it is worth a frame, and lets the window grow.</summary>
    private void AnnounceWindow(Http2Stream stream)
    {
        if (stream.State == Http2StreamState.HalfClosedRemote || !stream.ReceiveWindow.IsUpdateDue)
        {
            return;
        }

        // A reader that holds less than half of its window when an update is due keeps up: the window, not the reader, is the brake.
        int sizeBytes = stream.ReceiveWindow.SizeBytes;
        bool keepsUp = stream.ReceivedUnconsumed < sizeBytes / 2;
        int nextBytes = keepsUp ? (int)Math.Min((long)sizeBytes * 2, _options.StreamWindowBytesMax) : sizeBytes;
        WriteWindowUpdate(stream.Id, stream.ReceiveWindow.Announce(nextBytes));
    }

    private static bool CanSend(Http2Stream stream) => stream.State is Http2StreamState.Open or Http2StreamState.HalfClosedRemote;

    private void CancelReservation()
    {
        if (_reservedStream is not null)
        {
            _reservedStream = null;
            Output.Commit(0);
        }
    }

    /// <summary>
    /// Writes HEADERS, and CONTINUATION as often as the peer's frame size makes it necessary. A peer that asks without end and reads no
    /// answer ends its connection.
    /// </summary>
    private void WriteHeaderBlock(int streamId, HeaderList headers, bool endStream)
    {
        if (Output.UnsentBytes > _options.OutputBytesMax)
        {
            Fail(Http2ErrorReason.OutputBacklog);
            return;
        }

        int blockBytesMax = HpackEncoder.EncodedBytesMax(headers);
        int continuationsMax = blockBytesMax / _peerFrameBytesMax;
        Span<byte> room = Output.Reserve(((1 + continuationsMax) * FrameHeader.SizeBytes) + blockBytesMax);
        int blockBytes = _encoder.Encode(headers, room[FrameHeader.SizeBytes..]);
        FrameFlags endFlag = endStream ? FrameFlags.EndStream : FrameFlags.None;
        if (blockBytes <= _peerFrameBytesMax)
        {
            FrameHeader.Write(room, blockBytes, FrameType.Headers, FrameFlags.EndHeaders | endFlag, streamId);
            Output.Commit(FrameHeader.SizeBytes + blockBytes);
            return;
        }

        // The block was written in one piece: its parts move apart, the last one first, and a header goes before each.
        int continuations = (blockBytes - 1) / _peerFrameBytesMax;
        for (int i = continuations; i >= 1; i--)
        {
            int from = i * _peerFrameBytesMax;
            int bytes = Math.Min(_peerFrameBytesMax, blockBytes - from);
            int frameStart = from + (i * FrameHeader.SizeBytes);
            room.Slice(FrameHeader.SizeBytes + from, bytes).CopyTo(room[(frameStart + FrameHeader.SizeBytes)..]);
            FrameFlags flags = i == continuations ? FrameFlags.EndHeaders : FrameFlags.None;
            FrameHeader.Write(room[frameStart..], bytes, FrameType.Continuation, flags, streamId);
        }

        FrameHeader.Write(room, _peerFrameBytesMax, FrameType.Headers, endFlag, streamId);
        Output.Commit(((1 + continuations) * FrameHeader.SizeBytes) + blockBytes);
    }

    private void WriteSettings()
    {
        Span<byte> payload = stackalloc byte[7 * SettingBytes];
        int written = 0;
        Add(payload, SettingId.InitialWindowSize, _options.StreamWindowBytes);
        Add(payload, SettingId.MaxFrameSize, _options.FrameBytesMax);
        Add(payload, SettingId.MaxHeaderListSize, _options.HeaderListBytesMax);
        if (_options.HeaderTableBytes != HpackDecoder.TableBytesDefault)
        {
            Add(payload, SettingId.HeaderTableSize, _options.HeaderTableBytes);
        }

        if (Role == Http2Role.Client)
        {
            Add(payload, SettingId.EnablePush, 0);
        }
        else
        {
            Add(payload, SettingId.MaxConcurrentStreams, _options.PeerStreamsMax);
            if (_options.EnableConnectProtocol)
            {
                Add(payload, SettingId.EnableConnectProtocol, 1);
            }
        }

        WriteFrame(FrameType.Settings, FrameFlags.None, 0, payload[..written]);
        _settingsUnacked++;

        void Add(Span<byte> destination, SettingId id, int value)
        {
            BinaryPrimitives.WriteUInt16BigEndian(destination[written..], (ushort)id);
            BinaryPrimitives.WriteInt32BigEndian(destination[(written + 2)..], value);
            written += SettingBytes;
        }
    }

    private void WritePing(ulong opaque, FrameFlags flags)
    {
        Span<byte> payload = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(payload, opaque);
        WriteFrame(FrameType.Ping, flags, 0, payload);
    }

    private void WriteWindowUpdate(int streamId, int incrementBytes)
    {
        Span<byte> payload = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(payload, incrementBytes);
        WriteFrame(FrameType.WindowUpdate, FrameFlags.None, streamId, payload);
    }

    private void WriteReset(int streamId, Http2ErrorCode code)
    {
        Span<byte> payload = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(payload, (uint)code);
        WriteFrame(FrameType.RstStream, FrameFlags.None, streamId, payload);
    }

    private void WriteGoAway(int lastStreamId, Http2ErrorCode code, string debug)
    {
        Span<byte> payload = stackalloc byte[GoAwayFixedBytes + GoAwayDebugBytesMax];
        BinaryPrimitives.WriteInt32BigEndian(payload, lastStreamId);
        BinaryPrimitives.WriteUInt32BigEndian(payload[4..], (uint)code);
        Utf8.FromUtf16(debug, payload[GoAwayFixedBytes..], out _, out int debugBytes);
        Span<byte> room = Output.Reserve(FrameHeader.SizeBytes + GoAwayFixedBytes + debugBytes);
        FrameHeader.Write(room, GoAwayFixedBytes + debugBytes, FrameType.GoAway, FrameFlags.None, 0);
        payload[..(GoAwayFixedBytes + debugBytes)].CopyTo(room[FrameHeader.SizeBytes..]);
        Output.Commit(room.Length);
    }

    /// <summary>Writes a small frame. A peer that lets such answers pile up ends its connection.</summary>
    private void WriteFrame(FrameType type, FrameFlags flags, int streamId, ReadOnlySpan<byte> payload)
    {
        if (Output.UnsentBytes > _options.OutputBytesMax)
        {
            Fail(Http2ErrorReason.OutputBacklog);
            return;
        }

        Span<byte> room = Output.Reserve(FrameHeader.SizeBytes + payload.Length);
        FrameHeader.Write(room, payload.Length, type, flags, streamId);
        payload.CopyTo(room[FrameHeader.SizeBytes..]);
        Output.Commit(room.Length);
    }
}
