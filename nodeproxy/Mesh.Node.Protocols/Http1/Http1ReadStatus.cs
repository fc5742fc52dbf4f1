namespace Mesh.Node.Protocols.Http1;

/// <summary>How far a reader has got.</summary>
public enum Http1ReadStatus
{
    /// <summary>What there was is consumed or remembered; the rest of the input is needed again, with more behind it.</summary>
    NeedMore,

    /// <summary>Some content was read (readers of bodies only).</summary>
    Content,

    /// <summary>The head, or the body with its trailers, is read to its end.</summary>
    Complete,

    /// <summary>The message is not acceptable, and nothing after it can be trusted: answer, if it is a request, and close.</summary>
    Refused,
}
