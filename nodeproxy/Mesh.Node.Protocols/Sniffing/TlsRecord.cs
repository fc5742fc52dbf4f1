using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Sniffing;

/// <summary>The header of a TLS record that carries handshake messages in plaintext (RFC 8446 §5.1). Pure.</summary>
internal static class TlsRecord
{
    /// <summary>Type, version, length.</summary>
    public const int HeaderBytes = 5;

    /// <summary>The content type of handshake messages.</summary>
    public const byte Handshake = 22;

    /// <summary>The type of the handshake message that a client begins with.</summary>
    public const byte ClientHello = 1;

    /// <summary>The most bytes of plaintext in a record.</summary>
    private const int PayloadBytesMax = 1 << 14;

    // SSL 3.0 to TLS 1.3: what clients write there to be compatible. 2.0 has another form and is spoken by nobody.
    private const byte VersionMajor = 3;
    private const byte VersionMinorMax = 4;

    /// <summary>Whether a record of handshake messages may begin so. A record without content may not.</summary>
    /// <param name="bytes">Perhaps less than a header, perhaps more.</param>
    public static bool MayBegin(ReadOnlySpan<byte> bytes) =>
        (bytes.Length < 1 || bytes[0] == Handshake)
        && (bytes.Length < 2 || bytes[1] == VersionMajor)
        && (bytes.Length < 3 || bytes[2] <= VersionMinorMax)
        && (bytes.Length < HeaderBytes || PayloadBytes(bytes) is > 0 and <= PayloadBytesMax);

    /// <summary>The length of its content.</summary>
    /// <param name="bytes">At least the header.</param>
    public static int PayloadBytes(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]);
}
