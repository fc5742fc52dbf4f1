namespace Mesh.Node.Protocols.Http2;

/// <summary>What a header block is, by who sent it and when.</summary>
public enum HeaderBlockKind
{
    /// <summary>The head of a request.</summary>
    Request,

    /// <summary>A response of status 1xx, which another follows.</summary>
    Informational,

    /// <summary>The head of the final response.</summary>
    Response,

    /// <summary>Fields after the content.</summary>
    Trailers,
}
