using System.Buffers.Text;

namespace Mesh.Bench.Load.Generators.FixedRate;

/// <summary>
/// Tells where the answers of one origin end: each by the length its head says, since a proxy may add to a head what differs from one
/// answer to the next.
/// </summary>
internal sealed class ResponseCounter
{
    private static ReadOnlySpan<byte> Success => "HTTP/1.1 200 "u8;

    private static ReadOnlySpan<byte> LengthName => "content-length:"u8;

    private readonly byte[] _head = new byte[4096];
    private int _responseBytes;
    private int _receivedBytes;

    /// <summary>Takes what was received.</summary>
    /// <param name="received">What came, at most the rest of one answer: there is never more than one request under way.</param>
    /// <returns>Whether the answer is whole.</returns>
    /// <exception cref="BenchException">It is not the answer of the origin.</exception>
    public bool Take(ReadOnlySpan<byte> received)
    {
        if (_receivedBytes < Success.Length || _responseBytes == 0)
        {
            if (_receivedBytes + received.Length > _head.Length)
            {
                throw new BenchException($"an answer of more than {_head.Length} bytes");
            }

            received.CopyTo(_head.AsSpan(_receivedBytes));
        }

        _receivedBytes += received.Length;
        if (_receivedBytes < Success.Length)
        {
            return false;
        }

        ReadOnlySpan<byte> head = _head.AsSpan(0, Math.Min(_receivedBytes, _head.Length));
        if (!head.StartsWith(Success))
        {
            throw new BenchException($"an answer that is none: {System.Text.Encoding.Latin1.GetString(head[..Success.Length])}…");
        }

        _responseBytes = _responseBytes == 0 ? LengthOf(head) : _responseBytes;
        if (_responseBytes == 0 || _receivedBytes < _responseBytes)
        {
            return false;
        }

        if (_receivedBytes > _responseBytes)
        {
            throw new BenchException($"an answer of {_receivedBytes} bytes whose head says {_responseBytes}");
        }

        _receivedBytes = 0;
        _responseBytes = 0;
        return true;
    }

    // 0 while the header is not whole.
    private static int LengthOf(ReadOnlySpan<byte> head)
    {
        int headerBytes = head.IndexOf("\r\n\r\n"u8) + 4;
        if (headerBytes < 4)
        {
            return 0;
        }

        foreach (Range range in head[..headerBytes].Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = head[range];
            if (line.Length > LengthName.Length && System.Text.Ascii.EqualsIgnoreCase(line[..LengthName.Length], LengthName)
                && Utf8Parser.TryParse(line[LengthName.Length..].TrimStart((byte)' '), out int bodyBytes, out _))
            {
                return headerBytes + bodyBytes;
            }
        }

        throw new BenchException("an answer that does not say its length");
    }
}
