using System.Buffers.Text;

namespace Mesh.Node.Protocols.Http1;

/// <summary>Writes what stands around the data of chunks (RFC 9112 §7.1). Pure.</summary>
public static class ChunkWriter
{
    /// <summary>Sixteen digits, CR LF.</summary>
    public const int HeadBytesMax = 18;

    /// <summary>After the data of each chunk.</summary>
    public static ReadOnlySpan<byte> End => "\r\n"u8;

    /// <summary>The last chunk, without trailers; with them it is <see cref="Http1Writer.TryWriteLastChunk"/>'s.</summary>
    public static ReadOnlySpan<byte> Last => "0\r\n\r\n"u8;

    /// <summary>Writes the head of a chunk.</summary>
    /// <param name="chunkBytes">At least one: an empty chunk would be the last.</param>
    /// <param name="destination">At least <see cref="HeadBytesMax"/> bytes.</param>
    /// <returns>How many bytes were written.</returns>
    public static int WriteHead(long chunkBytes, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(chunkBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, HeadBytesMax);
        Utf8Formatter.TryFormat(chunkBytes, destination, out int bytes, 'x');
        End.CopyTo(destination[bytes..]);
        return bytes + End.Length;
    }
}
