using System.Runtime.CompilerServices;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>Bounded copies of what a client sent, in one buffer that is used again and again.</summary>
/// <remarks>
/// Copies, and no reference to the head of the request: that one is rewritten for the upstream, and is read over by the next request of
/// its connection while the log's thread may not have come to this one yet. Allocates only to grow, up to the sum of all bounds.
/// Owned by: one thread at a time.
/// </remarks>
internal sealed class RequestTexts
{
    private const int Count = (int)RequestText.ForwardedFor + 1;
    private const int BytesInitial = 256;

    // At most so many bytes of each; the rest is cut.
    private static readonly int[] s_bytesMax = [32, 1_024, 256, 256, 128, 256];

    private byte[] _buffer = [];
    private Ends _ends;
    private int _usedBytes;
    private int _count;

    /// <summary>One text; empty when the client sent none.</summary>
    public ReadOnlySpan<byte> this[RequestText text]
    {
        get
        {
            int index = (int)text;
            if (index >= _count)
            {
                return default;
            }

            int start = index == 0 ? 0 : _ends[index - 1];
            return _buffer.AsSpan(start, _ends[index] - start);
        }
    }

    /// <summary>Forgets all texts and keeps the buffer.</summary>
    public void Clear()
    {
        _usedBytes = 0;
        _count = 0;
    }

    /// <summary>Takes the next text, in the order of <see cref="RequestText"/>, as far as its bound reaches.</summary>
    public void Add(ReadOnlySpan<byte> text)
    {
        int bytes = Math.Min(text.Length, s_bytesMax[_count]);
        Reserve(_usedBytes + bytes);
        text[..bytes].CopyTo(_buffer.AsSpan(_usedBytes));
        _usedBytes += bytes;
        _ends[_count++] = (short)_usedBytes;
    }

    /// <summary>Takes over the texts of another.</summary>
    public void CopyFrom(RequestTexts other)
    {
        Reserve(other._usedBytes);
        other._buffer.AsSpan(0, other._usedBytes).CopyTo(_buffer);
        _usedBytes = other._usedBytes;
        _count = other._count;
        _ends = other._ends;
    }

    /// <summary>Makes room now for what most requests need, so that the first one allocates nothing.</summary>
    public void Reserve() => Reserve(BytesInitial);

    private void Reserve(int bytes)
    {
        if (_buffer.Length < bytes)
        {
            Array.Resize(ref _buffer, Math.Max(Math.Max(_buffer.Length * 2, BytesInitial), bytes));
        }
    }

    [InlineArray(Count)]
    private struct Ends
    {
        private short _first;
    }
}
