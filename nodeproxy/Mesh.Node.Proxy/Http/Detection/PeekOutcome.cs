namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>How a look at a connection's first bytes ended.</summary>
internal enum PeekOutcome
{
    /// <summary>The client has spoken, and it is known what.</summary>
    Decided,

    /// <summary>The client said nothing for the whole limit: it may wait for the server to begin.</summary>
    Silent,

    /// <summary>The client finished sending without a byte. It may still read.</summary>
    Finished,

    /// <summary>The connection broke, or the look was given up.</summary>
    Broken,
}
