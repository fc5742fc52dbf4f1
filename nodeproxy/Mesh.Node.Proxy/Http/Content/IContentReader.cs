using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>The content of a message as it arrives, or the bytes of a tunnel. Lives on its connection's loop.</summary>
internal interface IContentReader
{
    /// <summary>Whether all of it has been read.</summary>
    bool IsComplete { get; }

    /// <summary>Bytes of content read so far.</summary>
    long ContentBytes { get; }

    /// <summary>What followed the content, once it is complete.</summary>
    HeaderList Trailers { get; }

    /// <summary>Takes what is there; false when there is nothing to be had without waiting.</summary>
    bool TryRead(out ContentRead read);

    /// <summary>Takes what is there, or waits for it.</summary>
    ValueTask<ContentRead> ReadAsync();

    /// <summary>Lets go of the content that was read last; all of it was taken.</summary>
    void Advance();

    /// <summary>Ends a wait that is pending, or else the next.</summary>
    void CancelRead();

    /// <summary>Takes back a <see cref="CancelRead"/> that has ended nothing.</summary>
    void ForgetCancel();
}
