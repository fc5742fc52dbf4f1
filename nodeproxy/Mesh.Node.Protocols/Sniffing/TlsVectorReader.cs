using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Sniffing;

/// <summary>Takes numbers and vectors off the presentation language of TLS (RFC 8446 §3). Never reads past its bytes.</summary>
internal ref struct TlsVectorReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether everything was taken.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>Takes so many bytes.</summary>
    public bool TryBytes(int count, out ReadOnlySpan<byte> taken)
    {
        if (_rest.Length < count)
        {
            taken = default;
            return false;
        }

        taken = _rest[..count];
        _rest = _rest[count..];
        return true;
    }

    /// <summary>Takes a number of two bytes.</summary>
    public bool TryUInt16(out int value)
    {
        bool isThere = TryBytes(2, out ReadOnlySpan<byte> taken);
        value = isThere ? BinaryPrimitives.ReadUInt16BigEndian(taken) : 0;
        return isThere;
    }

    /// <summary>Takes a vector whose length stands before it in one byte.</summary>
    public bool TryVector8(out ReadOnlySpan<byte> vector)
    {
        vector = default;
        return TryBytes(1, out ReadOnlySpan<byte> length) && TryBytes(length[0], out vector);
    }

    /// <summary>Takes a vector whose length stands before it in two bytes.</summary>
    public bool TryVector16(out ReadOnlySpan<byte> vector)
    {
        vector = default;
        return TryUInt16(out int length) && TryBytes(length, out vector);
    }
}
