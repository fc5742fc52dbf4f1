using System.Buffers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>Where the content of a message goes. Written bytes leave with the next flush. Lives on its connection's loop.</summary>
internal interface IContentWriter
{
    /// <summary>Bytes written since the last flush.</summary>
    int UnflushedBytes { get; }

    /// <summary>Takes content; false when there is more than the head said, and then the message cannot be completed.</summary>
    bool TryWrite(in ReadOnlySequence<byte> content);

    /// <summary>Says that this was all; false when there was less than the head said, or trailers cannot be said.</summary>
    bool TryEnd(HeaderList trailers);

    /// <summary>Sends what was written, and waits while the other side is behind; false when it takes no more.</summary>
    ValueTask<bool> FlushAsync();
}
