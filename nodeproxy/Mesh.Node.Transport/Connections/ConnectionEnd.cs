namespace Mesh.Node.Transport.Connections;

/// <summary>How a connection of the seam came to its end.</summary>
public enum ConnectionEnd
{
    /// <summary>It has not.</summary>
    None,

    /// <summary>The application let it go and everything it wrote was handed over.</summary>
    Completed,

    /// <summary>The peer reset it, the network failed it, or TLS did.</summary>
    Broken,

    /// <summary>Nothing moved either way for the idle limit; it was reset.</summary>
    IdleTimeout,

    /// <summary>The application let it go and the peer did not take the rest in time; it was reset.</summary>
    DrainTimeout,

    /// <summary>The application aborted it; it was reset.</summary>
    Aborted,
}
