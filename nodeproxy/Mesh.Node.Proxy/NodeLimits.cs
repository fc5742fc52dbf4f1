namespace Mesh.Node.Proxy;

/// <summary>How many connections all pods of the process have, and may have. Any thread.</summary>
internal sealed class NodeLimits(ProxyOptions options)
{
    private int _connections;

    /// <summary>Open connections, tunnels made to pods among them.</summary>
    public int ConnectionCount => Volatile.Read(ref _connections);

    /// <summary>Whether the limit is passed, the newest connection counted.</summary>
    public bool IsOverLimit => ConnectionCount > options.NodeConnectionsMax;

    public void CountOpened() => Interlocked.Increment(ref _connections);

    public void CountClosed() => Interlocked.Decrement(ref _connections);
}
