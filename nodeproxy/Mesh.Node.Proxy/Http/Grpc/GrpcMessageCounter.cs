using System.Buffers;
using System.Buffers.Binary;

namespace Mesh.Node.Proxy.Http.Grpc;

/// <summary>
/// Counts the messages of gRPC in content as it passes (gRPC over HTTP/2, "Length-Prefixed-Message"): those that have passed whole. Nothing
/// is copied or held but an unfinished prefix, and nothing is judged.
/// </summary>
internal sealed class GrpcMessageCounter
{
    /// <summary>A byte that tells whether the message is compressed, and its length.</summary>
    private const int PrefixBytes = 5;

    private uint _lengthSoFar;
    private int _prefixSeenBytes;
    private long _leftBytes;

    /// <summary>Messages that have passed whole.</summary>
    public long Messages { get; private set; }

    /// <summary>Begins other content.</summary>
    public void Begin()
    {
        _prefixSeenBytes = 0;
        _leftBytes = 0;
        Messages = 0;
    }

    /// <summary>Further content, however it is cut.</summary>
    public void Add(in ReadOnlySequence<byte> content)
    {
        foreach (ReadOnlyMemory<byte> part in content)
        {
            Add(part.Span);
        }
    }

    private void Add(ReadOnlySpan<byte> part)
    {
        while (!part.IsEmpty)
        {
            if (_prefixSeenBytes == PrefixBytes)
            {
                int taken = (int)Math.Min(_leftBytes, part.Length);
                _leftBytes -= taken;
                part = part[taken..];
            }
            else if (_prefixSeenBytes == 0 && part.Length >= PrefixBytes)
            {
                _leftBytes = BinaryPrimitives.ReadUInt32BigEndian(part[1..]);
                _prefixSeenBytes = PrefixBytes;
                part = part[PrefixBytes..];
            }
            else
            {
                // The prefix is cut. Its first byte is pushed out of the length by the four that follow.
                _lengthSoFar = (_lengthSoFar << 8) | part[0];
                _prefixSeenBytes++;
                _leftBytes = _lengthSoFar;
                part = part[1..];
            }

            if (_prefixSeenBytes == PrefixBytes && _leftBytes == 0)
            {
                Messages++;
                _prefixSeenBytes = 0;
            }
        }
    }
}
