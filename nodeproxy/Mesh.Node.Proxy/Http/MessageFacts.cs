using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text;
using Mesh.Node.Model.Routing;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Node.Proxy.Http;

/// <summary>What the operators of header values speak of: a request, its connection and, where there is one, its response.</summary>
internal readonly ref struct MessageFacts
{
    /// <summary>Of a value; what is longer is cut.</summary>
    private const int ValueBytesMax = 16 * 1024;

    /// <summary>An address with its port, a moment, or a number.</summary>
    private const int ShortBytesMax = 64;

    /// <summary>As it came, its path normalised.</summary>
    public required RequestHead Request { get; init; }

    /// <summary>Null before there is one.</summary>
    public ResponseHead? Response { get; init; }

    /// <summary>Null where nobody asks, as when it is explained what would become of a request.</summary>
    public RequestRecord? Record { get; init; }

    /// <summary>The loop's clock.</summary>
    public long NowMs { get; init; }

    /// <summary>Puts a value together. Allocates only where the room grows.</summary>
    /// <param name="parts">Of the value.</param>
    /// <param name="texts">Room; what was in it is gone.</param>
    /// <param name="value">In that room.</param>
    /// <returns>False where it comes to nothing.</returns>
    public bool TryWrite(ImmutableArray<ValuePart> parts, ArrayBufferWriter<byte> texts, out ReadOnlySpan<byte> value)
    {
        texts.ResetWrittenCount();
        foreach (ValuePart part in parts)
        {
            int before = texts.WrittenCount;
            Write(part, Math.Min(part.BytesMax, ValueBytesMax - before), texts);
        }

        value = texts.WrittenSpan.Trim((byte)' ');
        return !value.IsEmpty;
    }

    private void Write(ValuePart part, int bytesMax, ArrayBufferWriter<byte> texts)
    {
        switch (part.Operator)
        {
            case ValueOperator.Text:
                Write(part.Text.Span, bytesMax, texts);
                break;
            case ValueOperator.RequestField:
                ReadOnlySpan<byte> asked = OfRequest(part.Field!);
                Write(asked.IsEmpty && part.Alternative is { } other ? OfRequest(other) : asked, bytesMax, texts);
                break;
            case ValueOperator.ResponseField:
                ReadOnlySpan<byte> answered = OfResponse(part.Field!);
                Write(answered.IsEmpty && part.Alternative is { } instead ? OfResponse(instead) : answered, bytesMax, texts);
                break;
            case ValueOperator.Protocol:
                Write(ProtocolOf(Request.Protocol), bytesMax, texts);
                break;
            case ValueOperator.RouteName:
                Write(Record?.RouteName, bytesMax, texts);
                break;
            case ValueOperator.RequestedServerName:
                Write(Record?.Connection?.ServerName, bytesMax, texts);
                break;
            default:
                Span<byte> room = stackalloc byte[ShortBytesMax];
                Write(room[..WriteShort(part.Operator, room)], bytesMax, texts);
                break;
        }
    }

    /// <returns>How many bytes were written; 0 for what is not known.</returns>
    private int WriteShort(ValueOperator what, Span<byte> room)
    {
        switch (what)
        {
            case ValueOperator.StartTime:
                if (Record is null)
                {
                    return 0;
                }

                DateTime began = TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(Record.StartedMs - NowMs);
                return began.TryFormat(room, out int moment, "yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) ? moment : 0;
            case ValueOperator.ResponseCode:
                return Response is not null && Utf8Formatter.TryFormat(Response.Status, room, out int digits) ? digits : 0;
            case ValueOperator.DialledPort:
                return Record?.Connection?.Destination is { } dialled && Utf8Formatter.TryFormat(dialled.Port, room, out int port)
                    ? port
                    : 0;
            case ValueOperator.ClientAddress:
                return WriteAddress(Record?.Connection?.Client, room, hasPort: true);
            case ValueOperator.ClientAddressWithoutPort:
                return WriteAddress(Record?.Connection?.Client, room, hasPort: false);
            case ValueOperator.DialledAddress:
                return WriteAddress(Record?.Connection?.Destination, room, hasPort: true);
            case ValueOperator.DialledAddressWithoutPort:
                return WriteAddress(Record?.Connection?.Destination, room, hasPort: false);
            case ValueOperator.UpstreamAddress:
                return WriteAddress(Record?.Upstream, room, hasPort: true);
            default:
                return 0;
        }
    }

    private static int WriteAddress(IPEndPoint? endpoint, Span<byte> room, bool hasPort)
    {
        if (endpoint is null)
        {
            return 0;
        }

        bool isBracketed = hasPort && endpoint.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        int written = 0;
        if (isBracketed)
        {
            room[written++] = (byte)'[';
        }

        if (!endpoint.Address.TryFormat(room[written..], out int address))
        {
            return 0;
        }

        written += address;
        if (!hasPort)
        {
            return written;
        }

        if (isBracketed)
        {
            room[written++] = (byte)']';
        }

        room[written++] = (byte)':';
        return Utf8Formatter.TryFormat(endpoint.Port, room[written..], out int port) ? written + port : 0;
    }

    private ReadOnlySpan<byte> OfRequest(HeaderName name) => name.Text switch
    {
        ":method" => Request.Method,
        ":scheme" => Request.Scheme,
        ":authority" => Request.Authority,
        ":path" => Request.Path,
        _ => Request.Fields.TryGet(name.Bytes, out ReadOnlySpan<byte> value) ? value : default,
    };

    private ReadOnlySpan<byte> OfResponse(HeaderName name) =>
        Response is not null && Response.Fields.TryGet(name.Bytes, out ReadOnlySpan<byte> value) ? value : default;

    private static ReadOnlySpan<byte> ProtocolOf(HttpProtocol protocol) => protocol switch
    {
        HttpProtocol.Http10 => "HTTP/1.0"u8,
        HttpProtocol.Http11 => "HTTP/1.1"u8,
        _ => "HTTP/2"u8,
    };

    private static void Write(ReadOnlySpan<byte> text, int bytesMax, ArrayBufferWriter<byte> texts) =>
        texts.Write(text[..Math.Min(text.Length, bytesMax)]);

    private static void Write(string? text, int bytesMax, ArrayBufferWriter<byte> texts)
    {
        if (text is not null)
        {
            Span<byte> room = texts.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
            texts.Advance(Math.Min(Encoding.UTF8.GetBytes(text, room), bytesMax));
        }
    }
}
