using System.Collections.Immutable;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Frames;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Node.Protocols.Probes;

/// <summary>
/// Reads what the client of a gRPC health check sends: the preface, frames that carry no request, and one request, a Check of a declared
/// service. Frames go on whole, since the server must answer SETTINGS before a client asks.
/// </summary>
/// <remarks>
/// Stricter than HTTP/2 where no client of a health check needs it: no padding, priority, trailers or CONTINUATION, one stream, and the
/// message in one DATA frame.
/// </remarks>
internal sealed class GrpcProbeReader
{
    /// <summary>The longest frame with its header, and so the most that waits: what every receiver must take (RFC 9113 §4.2).</summary>
    public const int FrameBytesMax = FrameHeader.SizeBytes + 16_384;

    /// <summary>A check takes about six frames; a client that waits may send a PING now and then.</summary>
    private const int FramesMax = 256;

    private const int HeaderListBytesMax = 16 * 1024;

    private static readonly byte[] s_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray();

    private readonly ImmutableArray<byte[]> _messages;
    private readonly HpackDecoder _decoder = new(HeaderListBytesMax, HeaderListBytesMax);
    private bool _prefaceSeen;
    private bool _messageSeen;
    private bool _ended;
    private int _requestStreamId;
    private int _frames;

    public GrpcProbeReader(ImmutableArray<string> services) => _messages = [.. services.Select(MessageOf)];

    public ProbeVerdict Judge(ReadOnlySpan<byte> waiting)
    {
        int released = 0;
        if (!_prefaceSeen)
        {
            int compared = Math.Min(waiting.Length, s_preface.Length);
            if (!waiting[..compared].SequenceEqual(s_preface.AsSpan(0, compared)))
            {
                return ProbeVerdict.Refuse("the connection does not begin as HTTP/2 does");
            }

            if (compared < s_preface.Length)
            {
                return ProbeVerdict.NeedMore;
            }

            _prefaceSeen = true;
            released = s_preface.Length;
        }

        while (waiting.Length - released >= FrameHeader.SizeBytes)
        {
            var frame = FrameHeader.Decode(waiting[released..]);
            if (frame.PayloadBytes > FrameBytesMax - FrameHeader.SizeBytes)
            {
                return ProbeVerdict.Refuse("a frame is longer than 16384 bytes");
            }

            int frameBytes = FrameHeader.SizeBytes + frame.PayloadBytes;
            if (waiting.Length - released < frameBytes)
            {
                break;
            }

            if (Check(frame, waiting.Slice(released + FrameHeader.SizeBytes, frame.PayloadBytes)) is string refusal)
            {
                return ProbeVerdict.Refuse(refusal);
            }

            released += frameBytes;
        }

        return ProbeVerdict.Release(released);
    }

    private string? Check(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        if (++_frames > FramesMax)
        {
            return $"a probe has no more than {FramesMax} frames";
        }

        if (_frames == 1 && (frame.Type != FrameType.Settings || frame.Has(FrameFlags.Ack)))
        {
            return "the first frame is not SETTINGS";
        }

        switch (frame.Type)
        {
            case FrameType.Headers:
                return CheckHeaders(frame, payload);
            case FrameType.Data:
                return CheckData(frame, payload);
            case FrameType.Settings or FrameType.Ping or FrameType.GoAway when frame.StreamId == 0:
            case FrameType.WindowUpdate when frame.StreamId == 0 || frame.StreamId == _requestStreamId:
            case FrameType.RstStream when frame.StreamId == _requestStreamId && _requestStreamId != 0:
                return null;
            default:
                return $"a frame of type {frame.Type} on stream {frame.StreamId} is no part of a probe";
        }
    }

    private string? CheckHeaders(FrameHeader frame, ReadOnlySpan<byte> block)
    {
        if (_requestStreamId != 0)
        {
            return "a probe makes one request";
        }

        if (frame.StreamId % 2 == 0 || frame.Flags != FrameFlags.EndHeaders)
        {
            return "the request's HEADERS frame has flags or a stream that no probe has";
        }

        _requestStreamId = frame.StreamId;
        var headers = new HeaderList();
        return _decoder.Decode(block, headers) == HpackStatus.Ok ? CheckFields(headers) : "the request's header block is malformed";
    }

    private static string? CheckFields(HeaderList headers)
    {
        int seen = 0;
        for (int i = 0; i < headers.Count; i++)
        {
            HeaderField field = headers[i];
            int pseudo = field.IsPseudo ? PseudoHeaderOf(field) : 0;
            if (field.IsPseudo ? pseudo == 0 || (seen & pseudo) != 0 || i >= 4 : !IsHarmless(field))
            {
                return $"the request's field {i + 1} is not as a health check's";
            }

            seen |= pseudo;
        }

        return seen == 0b1111 ? null : "the request lacks a pseudo-header";
    }

    /// <summary>One bit for each that a health check has, with the value it has there; 0 for anything else.</summary>
    private static int PseudoHeaderOf(HeaderField field)
    {
        if (field.Name.SequenceEqual(":method"u8))
        {
            return field.Value.SequenceEqual("POST"u8) ? 0b0001 : 0;
        }

        if (field.Name.SequenceEqual(":path"u8))
        {
            return field.Value.SequenceEqual("/grpc.health.v1.Health/Check"u8) ? 0b0010 : 0;
        }

        if (field.Name.SequenceEqual(":scheme"u8))
        {
            return field.Value.SequenceEqual("http"u8) ? 0b0100 : 0;
        }

        return field.Name.SequenceEqual(":authority"u8) ? 0b1000 : 0;
    }

    private static bool IsHarmless(HeaderField field)
    {
        if (field.Name.SequenceEqual("content-type"u8))
        {
            return field.Value.StartsWith("application/grpc"u8);
        }

        // What else could give the message, or the request, another meaning.
        return !field.Name.IsEmpty
            && !field.Name.SequenceEqual("grpc-encoding"u8)
            && !field.Name.SequenceEqual("content-length"u8)
            && !field.Name.SequenceEqual("transfer-encoding"u8)
            && !field.Name.SequenceEqual("connection"u8)
            && !field.Name.SequenceEqual("upgrade"u8);
    }

    /// <summary>The message as a whole, then at most an empty frame that ends the stream.</summary>
    private string? CheckData(FrameHeader frame, ReadOnlySpan<byte> payload)
    {
        bool ends = frame.Flags == FrameFlags.EndStream;
        if (_requestStreamId == 0 || frame.StreamId != _requestStreamId || _ended || (!ends && frame.Flags != FrameFlags.None))
        {
            return "a DATA frame has flags or a stream that no probe has";
        }

        _ended = ends;
        if (_messageSeen)
        {
            return payload.IsEmpty && ends ? null : "the request has more than one message";
        }

        _messageSeen = true;
        foreach (byte[] message in _messages)
        {
            if (payload.SequenceEqual(message))
            {
                return null;
            }
        }

        return "the request asks about another service than the port's probes do";
    }

    /// <summary>HealthCheckRequest with its field 1, and before it gRPC's five bytes: not compressed, and the length.</summary>
    private static byte[] MessageOf(string service)
    {
        byte[] name = Encoding.UTF8.GetBytes(service);
        byte[] message = name.Length switch
        {
            0 => [],
            < 128 => [0x0A, (byte)name.Length, .. name],
            _ => [0x0A, (byte)(0x80 | (name.Length & 0x7F)), (byte)(name.Length >> 7), .. name],
        };
        return [0, 0, 0, (byte)(message.Length >> 8), (byte)message.Length, .. message];
    }
}
