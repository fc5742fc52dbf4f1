using System.Buffers;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http.Content;

/// <summary>Sees content as it is taken from a client, each byte once. Must not wait. Called on the client's loop.</summary>
internal interface IContentTap
{
    /// <summary>Further bytes, valid during the call.</summary>
    void OnContent(in ReadOnlySequence<byte> bytes);

    /// <summary>That was all.</summary>
    void OnEnd(HeaderList trailers);
}
