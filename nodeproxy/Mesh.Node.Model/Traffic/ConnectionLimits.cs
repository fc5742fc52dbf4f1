namespace Mesh.Node.Model.Traffic;

/// <summary>
/// What one node may have under way to the endpoints of a service, and how its connections to them behave. Immutable. Beyond a limit a
/// request is answered 503 (UO) and a connection ended.
/// </summary>
public sealed record ConnectionLimits
{
    public static ConnectionLimits Default { get; } = new();

    /// <summary>
    /// Connections of every kind. An endpoint may always have one of each pod on each loop, or a limit that others have reached would leave
    /// requests unserved.
    /// </summary>
    public uint MaxConnections { get; init; } = uint.MaxValue;

    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A TCP connection on which nothing is carried for so long is ended; null for never.</summary>
    public TimeSpan? TcpIdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>An HTTP connection without a request for so long is closed; null for never.</summary>
    public TimeSpan? HttpIdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>No connection is older; null for no limit. One that carries requests ends with the last of them.</summary>
    public TimeSpan? MaxConnectionDuration { get; init; }

    /// <summary>Requests that wait for a connection.</summary>
    public uint MaxPendingRequests { get; init; } = uint.MaxValue;

    /// <summary>Requests under way, of any version of HTTP.</summary>
    public uint MaxRequests { get; init; } = uint.MaxValue;

    /// <summary>Requests a connection carries before it is closed; 0 for no limit, 1 for no keep-alive.</summary>
    public uint MaxRequestsPerConnection { get; init; }

    /// <summary>Retries under way; not looked at where there is a <see cref="RetryBudget"/>.</summary>
    public uint MaxRetries { get; init; } = uint.MaxValue;

    /// <summary>A limit of retries under way by the requests under way; null for none.</summary>
    public RetryBudget? RetryBudget { get; init; }

    /// <summary>Streams of one HTTP/2 connection.</summary>
    public uint MaxConcurrentStreams { get; init; } = int.MaxValue;

    public Http2Upgrade Http2Upgrade { get; init; }

    /// <summary>The upstream is spoken to in the client's version of HTTP.</summary>
    public bool UsesClientProtocol { get; init; }

    /// <summary>PINGs on HTTP/2 connections; null for the node's own.</summary>
    public Http2KeepAlive? KeepAlive { get; init; }
}

/// <summary>A PING each interval; a connection whose upstream has not answered one within the time limit is ended.</summary>
public sealed record Http2KeepAlive(TimeSpan Interval, TimeSpan Timeout);

/// <summary>Retries under way may be this part of all requests under way, and never fewer than a minimum.</summary>
/// <param name="Percent">0 to 100 percent.</param>
/// <param name="RetriesMin">What is always allowed.</param>
public sealed record RetryBudget(double Percent = 20, uint RetriesMin = 3);

/// <summary>Whether requests that came as HTTP/1.1 are sent as HTTP/2.</summary>
public enum Http2Upgrade
{
    /// <summary>Where the port says that it speaks HTTP/2.</summary>
    ByPort,
    Never,
    Always,
}
