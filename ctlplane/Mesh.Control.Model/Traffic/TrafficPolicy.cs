using System.Collections.Immutable;

namespace Mesh.Control.Model.Traffic;

/// <summary>How requests are carried to endpoints. Immutable; null is the proxy's default.</summary>
public sealed record TrafficPolicy
{
    public static TrafficPolicy Default { get; } = new();

    public BalancingPolicy? Balancing { get; init; }

    public ConnectionLimits? Limits { get; init; }

    /// <summary>Null: no endpoint is ever ejected.</summary>
    public OutlierPolicy? Outliers { get; init; }

    /// <summary>Percent of endpoints below which ejected ones take requests too; 0 for never.</summary>
    public int PanicPercent { get; init; }

    /// <summary>Endpoints near the client go before those farther away.</summary>
    public bool PrefersNear { get; init; }

    /// <summary>How connections to endpoints outside the mesh are made in TLS; null for as they are.</summary>
    public TlsOrigination? Tls { get; init; }
}

/// <summary>TLS towards servers outside the mesh. Immutable. Files are the nodes' own; empty for none.</summary>
public sealed record TlsOrigination
{
    /// <summary>The host that is asked for; empty for the service's own, or the request's where that has many.</summary>
    public string ServerName { get; init; } = string.Empty;

    /// <summary>Names of which the server's certificate must be for one; none for the server's name.</summary>
    public ImmutableArray<string> AcceptedNames { get; init; } = [];

    /// <summary>Whoever answers is accepted.</summary>
    public bool SkipsVerification { get; init; }

    /// <summary>Empty for the system's roots.</summary>
    public string RootsFile { get; init; } = string.Empty;

    public string RevocationsFile { get; init; } = string.Empty;

    public string CertificateFile { get; init; } = string.Empty;

    public string PrivateKeyFile { get; init; } = string.Empty;
}

public enum BalancingAlgorithm
{
    LeastRequest,
    RoundRobin,
    Random,
    Passthrough,
    ConsistentHash,
}

/// <param name="Algorithm">How an endpoint is chosen.</param>
/// <param name="Hash">With <see cref="BalancingAlgorithm.ConsistentHash"/> and not otherwise.</param>
/// <param name="Warmup">Null: a new endpoint has its share at once.</param>
public sealed record BalancingPolicy(BalancingAlgorithm Algorithm, HashPolicy? Hash = null, WarmupPolicy? Warmup = null);

public enum HashKeyKind
{
    Header,
    Cookie,
    QueryParameter,
    SourceAddress,
}

/// <param name="Kind">What is hashed.</param>
/// <param name="Name">Empty for an address.</param>
/// <param name="CookiePath">Of a cookie that is made; empty for none.</param>
/// <param name="CookieTtl">Null: no cookie is made; zero: for the client's session.</param>
/// <param name="IsMaglev">A Maglev table in place of a ring.</param>
/// <param name="TableSize">Points of the ring at least, or slots of the table; null for the proxy's default.</param>
public sealed record HashPolicy(HashKeyKind Kind, string Name, string CookiePath, TimeSpan? CookieTtl, bool IsMaglev, int? TableSize);

/// <summary>How an endpoint that is new comes to its share.</summary>
public sealed record WarmupPolicy(TimeSpan Duration, double MinimumPercent, double Aggression);

/// <summary>Null is the proxy's default.</summary>
public sealed record ConnectionLimits
{
    public uint? MaxConnections { get; init; }

    public TimeSpan? ConnectTimeout { get; init; }

    /// <summary>Zero: none.</summary>
    public TimeSpan? TcpIdleTimeout { get; init; }

    /// <summary>Zero: none.</summary>
    public TimeSpan? HttpIdleTimeout { get; init; }

    public TimeSpan? MaxConnectionDuration { get; init; }

    public uint? MaxPendingRequests { get; init; }

    public uint? MaxRequests { get; init; }

    /// <summary>0: no limit.</summary>
    public uint MaxRequestsPerConnection { get; init; }

    public uint? MaxRetries { get; init; }

    public RetryBudget? RetryBudget { get; init; }

    public uint? MaxConcurrentStreams { get; init; }

    public Http2Upgrade Http2Upgrade { get; init; }

    public bool UsesClientProtocol { get; init; }

    public Http2KeepAlive? KeepAlive { get; init; }
}

/// <summary>PINGs on connections of HTTP/2: how often, and how long their answer may take.</summary>
public sealed record Http2KeepAlive(TimeSpan Interval, TimeSpan Timeout);

public enum Http2Upgrade
{
    ByPort,
    Never,
    Always,
}

/// <summary>Retries under way as a part of requests under way.</summary>
public sealed record RetryBudget(double Percent, uint RetriesMin);

/// <summary>Null is the proxy's default; 0 of a count is never.</summary>
public sealed record OutlierPolicy
{
    public uint? Consecutive5xx { get; init; }

    public uint? ConsecutiveGatewayErrors { get; init; }

    public bool SplitsLocalOrigin { get; init; }

    public uint? ConsecutiveLocalOriginFailures { get; init; }

    public TimeSpan? Interval { get; init; }

    public TimeSpan? BaseEjection { get; init; }

    public int? MaxEjectionPercent { get; init; }
}
