namespace Mesh.Node.Proxy.Telemetry;

/// <summary>Which way a connection takes through the proxy: one file of code for each.</summary>
public enum ConnectionPath
{
    /// <summary>Captured from a pod of this node, on its way to an endpoint over HBONE or plain TCP.</summary>
    Outbound,

    /// <summary>Captured from a pod of this node; nothing in the mesh owns its destination, so it goes there as it is.</summary>
    Passthrough,

    /// <summary>
    /// Captured from a pod of this node and refused: nothing in the mesh owns its destination, and the pod may go nowhere else.
    /// </summary>
    Blocked,

    /// <summary>Captured from a pod of this node and handed, in this process, to another pod of this node.</summary>
    SameNode,

    /// <summary>One stream of an HBONE tunnel made to a pod of this node.</summary>
    InboundHbone,

    /// <summary>Plaintext made to a pod of this node.</summary>
    InboundPlaintext,

    /// <summary>An HBONE connection that we made; its streams are connections of their own.</summary>
    OutboundTunnel,

    /// <summary>A connection made to a pod's HBONE port; its streams are connections of their own.</summary>
    InboundTunnel,
}

/// <summary>What follows from a <see cref="ConnectionPath"/>.</summary>
public static class ConnectionPaths
{
    /// <summary>How many paths there are: the size of a table indexed by path.</summary>
    public const int Count = (int)ConnectionPath.InboundTunnel + 1;

    private static readonly string[] s_names = Enum.GetNames<ConnectionPath>();

    /// <summary>The name of <paramref name="path"/>. Never allocates.</summary>
    public static string Name(ConnectionPath path) => s_names[(int)path];

    /// <summary>Whether a pod of this node is the client: istio's reporter <c>source</c>, and <c>outbound</c> in the log.</summary>
    public static bool IsOutbound(ConnectionPath path) =>
        path is ConnectionPath.Outbound or ConnectionPath.Passthrough or ConnectionPath.Blocked or ConnectionPath.SameNode
            or ConnectionPath.OutboundTunnel;

    /// <summary>Whether a pod of this node is the server: istio's reporter <c>destination</c>. A same-node connection is both.</summary>
    public static bool IsInbound(ConnectionPath path) =>
        path is ConnectionPath.InboundHbone or ConnectionPath.InboundPlaintext or ConnectionPath.SameNode or ConnectionPath.InboundTunnel;

    /// <summary>Whether this is a tunnel: it carries connections and is not one that an application made.</summary>
    public static bool IsTunnel(ConnectionPath path) => path is ConnectionPath.OutboundTunnel or ConnectionPath.InboundTunnel;
}
