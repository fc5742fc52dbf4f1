namespace Mesh.Node.Protocols.Sniffing;

/// <summary>
/// Reads the ClientHello a TLS connection begins with, over as many records as it takes (RFC 8446 §4.1.2, §5.1). One may serve one
/// connection after another; allocates once, for the first hello in several records. Not thread-safe.
/// </summary>
public sealed class ClientHelloReader
{
    /// <summary>Records one hello may be spread over; those who spread it use two or three.</summary>
    private const int RecordsMax = 16;

    private const int MessageHeaderBytes = 4;

    private byte[]? _joined;

    /// <summary>Reads it.</summary>
    /// <param name="input">All that has come, from the connection's first byte on. What follows the hello is not looked at.</param>
    /// <param name="hello">What it says when it is complete; good until the next call and while the input lasts.</param>
    public ClientHelloStatus Read(ReadOnlySpan<byte> input, out ClientHello hello)
    {
        hello = default;
        bool isShortened = input.Length >= ProtocolSniffer.BytesMax;
        if (isShortened)
        {
            input = input[..ProtocolSniffer.BytesMax];
        }

        ClientHelloStatus joined = Join(input, out ReadOnlySpan<byte> message);
        if (joined != ClientHelloStatus.Complete)
        {
            return isShortened ? ClientHelloStatus.Malformed : joined;
        }

        return ClientHelloBody.TryRead(message[MessageHeaderBytes..], out hello) ? ClientHelloStatus.Complete : ClientHelloStatus.Malformed;
    }

    /// <summary>Finds the message, header included, in one record or puts it together from several.</summary>
    private ClientHelloStatus Join(ReadOnlySpan<byte> input, out ReadOnlySpan<byte> message)
    {
        message = default;
        ReadOnlySpan<byte> soFar = default;
        for (int records = 0; records < RecordsMax; records++)
        {
            if (!TlsRecord.MayBegin(input))
            {
                return ClientHelloStatus.Malformed;
            }

            if (input.Length < TlsRecord.HeaderBytes)
            {
                return ClientHelloStatus.NeedMore;
            }

            int payloadBytes = TlsRecord.PayloadBytes(input);
            ReadOnlySpan<byte> payload = input[TlsRecord.HeaderBytes..];
            bool isWhole = payload.Length >= payloadBytes;
            payload = isWhole ? payload[..payloadBytes] : payload;
            soFar = soFar.IsEmpty ? payload : Append(soFar, payload);

            // No message may follow the first one before it is answered, so the record ends where it does.
            int messageBytes = MessageBytes(soFar);
            if (messageBytes < 0 || (messageBytes > 0 && soFar.Length > messageBytes))
            {
                return ClientHelloStatus.Malformed;
            }

            if (messageBytes > 0 && messageBytes - soFar.Length < payloadBytes - payload.Length)
            {
                return ClientHelloStatus.Malformed;
            }

            if (!isWhole)
            {
                return ClientHelloStatus.NeedMore;
            }

            if (soFar.Length == messageBytes)
            {
                message = soFar;
                return ClientHelloStatus.Complete;
            }

            input = input[(TlsRecord.HeaderBytes + payloadBytes)..];
        }

        return ClientHelloStatus.Malformed;
    }

    private ReadOnlySpan<byte> Append(ReadOnlySpan<byte> soFar, ReadOnlySpan<byte> payload)
    {
        // Both came from an input of at most so many bytes.
        _joined ??= new byte[ProtocolSniffer.BytesMax];
        if (!soFar.Overlaps(_joined))
        {
            soFar.CopyTo(_joined);
        }

        payload.CopyTo(_joined.AsSpan(soFar.Length));
        return _joined.AsSpan(0, soFar.Length + payload.Length);
    }

    /// <summary>The length of the message with its header; 0 while that is not known, -1 when it is no hello of a client.</summary>
    private static int MessageBytes(ReadOnlySpan<byte> start)
    {
        if (!start.IsEmpty && start[0] != TlsRecord.ClientHello)
        {
            return -1;
        }

        if (start.Length < MessageHeaderBytes)
        {
            return 0;
        }

        int bytes = MessageHeaderBytes + ((start[1] << 16) | (start[2] << 8) | start[3]);
        return bytes > ProtocolSniffer.BytesMax - TlsRecord.HeaderBytes ? -1 : bytes;
    }
}
