namespace Mesh.Node.Proxy.Pods;

/// <summary>What a connection asks of the loop it is begun on.</summary>
internal enum Placement
{
    /// <summary>Its pod's home, where the tunnels it shares are, while home is not loaded.</summary>
    Home,

    /// <summary>As <see cref="Home"/>, and a place among the handshakes of the loop.</summary>
    Handshake,

    /// <summary>Nothing: it shares no tunnel, so the loops take such connections in turn.</summary>
    Anywhere,
}
