using System.Buffers;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>What a read of content came to.</summary>
/// <param name="Status">Whether there are bytes.</param>
/// <param name="Bytes">With <see cref="ContentStatus.Content"/>, not empty, valid until the reader advances.</param>
internal readonly record struct ContentRead(ContentStatus Status, ReadOnlySequence<byte> Bytes = default);

/// <inheritdoc cref="ContentRead"/>
internal enum ContentStatus
{
    /// <summary>Bytes have come.</summary>
    Content,

    /// <summary>All of it has been read, trailers too.</summary>
    End,

    /// <summary>What came is not well formed, or the connection ended inside it: whoever gets it must not take it for whole.</summary>
    Refused,

    /// <summary>The connection or the stream is gone.</summary>
    Broken,

    /// <summary>The wait was given up by <see cref="IContentReader.CancelRead"/>.</summary>
    Cancelled,
}
