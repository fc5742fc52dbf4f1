using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Pods;

namespace Mesh.Node.Proxy.Authorizers;

/// <summary>A request an authorizer may be asked about. Lives on its loop.</summary>
internal interface IAuthorizedRequest
{
    /// <summary>Whose proxy asks: the pod the request is for; null where none of this node is, and then nobody can.</summary>
    EnrolledPod? Destination { get; }

    /// <summary>The content on its way to the application.</summary>
    RequestContent Content { get; }

    /// <summary>How the content is delimited as the client sends it.</summary>
    BodyFraming Body { get; }

    /// <summary>Takes content from the client ahead of the application: so many bytes or all there is.</summary>
    /// <returns><see cref="ContentStatus.Content"/>, <see cref="ContentStatus.End"/>, or why there is no more.</returns>
    ValueTask<ContentStatus> TakeContentAsync(long bytesMax);
}
