namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>What befell a request, in Envoy's words: the label <c>response_flags</c> and a field of the access log.</summary>
/// <remarks>
/// Several may hold at once. Their short texts stand in <see cref="ResponseFlagTexts"/>, in the order in which they are joined. Flags of
/// Envoy that nothing here can bring about (a response cache, a rate limit service, DNS of endpoints) are not among them.
/// </remarks>
[Flags]
public enum ResponseFlag
{
    /// <summary>"-": nothing to say.</summary>
    None = 0,

    /// <summary>LH: the application's own health check failed, so the request was not given to it.</summary>
    FailedLocalHealthCheck = 1 << 0,

    /// <summary>UH: the destination has no endpoint that may be used.</summary>
    NoHealthyUpstream = 1 << 1,

    /// <summary>UT: the upstream did not answer within the time limit of the request.</summary>
    UpstreamRequestTimeout = 1 << 2,

    /// <summary>LR: we reset the request to the upstream.</summary>
    LocalReset = 1 << 3,

    /// <summary>UR: the upstream reset the request.</summary>
    UpstreamRemoteReset = 1 << 4,

    /// <summary>UF: no connection to the upstream came to be.</summary>
    UpstreamConnectionFailure = 1 << 5,

    /// <summary>UC: the upstream's connection ended before its response did.</summary>
    UpstreamConnectionTermination = 1 << 6,

    /// <summary>UO: a limit of the destination was reached: its circuit is open.</summary>
    UpstreamOverflow = 1 << 7,

    /// <summary>NR: no route matches the request.</summary>
    NoRouteFound = 1 << 8,

    /// <summary>DI: a fault rule delayed the request.</summary>
    DelayInjected = 1 << 9,

    /// <summary>FI: a fault rule aborted the request.</summary>
    FaultInjected = 1 << 10,

    /// <summary>RL: a rate limit refused the request.</summary>
    RateLimited = 1 << 11,

    /// <summary>UAEX: external authorization refused the request.</summary>
    UnauthorizedExternalService = 1 << 12,

    /// <summary>DC: the client's connection ended before the response did.</summary>
    DownstreamConnectionTermination = 1 << 13,

    /// <summary>URX: every retry was used up.</summary>
    UpstreamRetryLimitExceeded = 1 << 14,

    /// <summary>SI: neither side sent anything for the idle time limit.</summary>
    StreamIdleTimeout = 1 << 15,

    /// <summary>IH: a header that directs the proxy has a value that cannot be read.</summary>
    InvalidRequestHeaders = 1 << 16,

    /// <summary>DPE: the client broke HTTP.</summary>
    DownstreamProtocolError = 1 << 17,

    /// <summary>UMSDR: the request was older than the upstream's limit allows.</summary>
    UpstreamMaxStreamDurationReached = 1 << 18,

    /// <summary>DT: the connection, or the request on it, was older than its limit allows.</summary>
    DurationTimeout = 1 << 19,

    /// <summary>UPE: the upstream broke HTTP.</summary>
    UpstreamProtocolError = 1 << 20,

    /// <summary>NC: the route names a destination that does not exist.</summary>
    NoClusterFound = 1 << 21,

    /// <summary>OM: the proxy is at a limit of its own.</summary>
    OverloadManager = 1 << 22,

    /// <summary>DR: the client reset the request.</summary>
    DownstreamRemoteReset = 1 << 23,

    /// <summary>DF: no address of the upstream's name has been found.</summary>
    DnsResolutionFailed = 1 << 24,
}
