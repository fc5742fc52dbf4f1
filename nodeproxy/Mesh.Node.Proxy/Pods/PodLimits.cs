namespace Mesh.Node.Proxy.Pods;

/// <summary>How many connections and streams one pod has, and may have, so that no pod can take the node. Any thread.</summary>
internal sealed class PodLimits(ProxyOptions options)
{
    private int _connections;
    private int _handshakes;
    private int _pending;
    private int _streams;

    /// <summary>Open connections: what the pod opened, what was opened to it, and tunnels made to it.</summary>
    public int ConnectionCount => Volatile.Read(ref _connections);

    /// <summary>Whether the limit is passed, the newest connection counted.</summary>
    public bool IsOverLimit => ConnectionCount > options.PodConnectionsMax;

    /// <summary>Whether too many wait for a tunnel, a connect or a decision, the newest counted.</summary>
    public bool IsOverPendingLimit => Volatile.Read(ref _pending) > options.PodPendingConnectsMax;

    /// <summary>Streams open on tunnels, those the pod opened and those opened to it.</summary>
    public int StreamCount => Volatile.Read(ref _streams);

    /// <summary>Whether the pod has more streams than it may, the newest counted.</summary>
    public bool IsOverStreamLimit => StreamCount > options.PodStreamsMax;

    /// <summary>Handshakes that peers of the pod have begun and not ended, on whatever loop.</summary>
    public int HandshakeCount => Volatile.Read(ref _handshakes);

    public void CountHandshakeBegun() => Interlocked.Increment(ref _handshakes);

    public void CountHandshakeEnded() => Interlocked.Decrement(ref _handshakes);

    public void CountStreamOpened() => Interlocked.Increment(ref _streams);

    public void CountStreamClosed() => Interlocked.Decrement(ref _streams);

    public void CountOpened() => Interlocked.Increment(ref _connections);

    public void CountClosed() => Interlocked.Decrement(ref _connections);

    public void CountPending() => Interlocked.Increment(ref _pending);

    public void CountSettled() => Interlocked.Decrement(ref _pending);
}
