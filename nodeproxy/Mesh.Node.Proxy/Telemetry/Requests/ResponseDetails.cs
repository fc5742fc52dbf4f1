namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>Envoy's <c>response_code_details</c>: who made the response, and why it is this one.</summary>
/// <remarks>
/// Texts that name something of the configuration, a policy say, begin with one of these and are made once, with the configuration.
/// What each means stands in <c>nodeproxy/docs/response-flags.md</c>.
/// </remarks>
public static class ResponseDetails
{
    /// <summary>The path cannot be brought to its normal form.</summary>
    public const string PathNormalizationFailed = "path_normalization_failed";

    /// <summary>An expression of the route makes the path longer than it may be.</summary>
    public const string RewrittenTooLong = "path_rewrite_too_long";

    /// <summary>The upstream answered.</summary>
    public const string ViaUpstream = "via_upstream";

    /// <summary>No route matches.</summary>
    public const string RouteNotFound = "route_not_found";

    /// <summary>The route's destination does not exist.</summary>
    public const string ClusterNotFound = "cluster_not_found";

    /// <summary>The destination has no endpoint that may be used.</summary>
    public const string NoHealthyUpstream = "no_healthy_upstream";

    /// <summary>The destination is known by a name, of which no address has been found.</summary>
    public const string DnsResolutionFailure = "dns_resolution_failure";

    /// <summary>The route itself is the answer: a redirect or a fixed response.</summary>
    public const string DirectResponse = "direct_response";

    /// <summary>The route says what scripts of other origins may do, and told it.</summary>
    public const string CorsResponse = "cors_response";

    /// <summary>No response came within the limit of the request.</summary>
    public const string ResponseTimeout = "response_timeout";

    /// <summary>No response came within the limit of the last attempt.</summary>
    public const string PerTryTimeout = "upstream_per_try_timeout";

    /// <summary>The request did not arrive whole within its limit.</summary>
    public const string RequestOverallTimeout = "request_overall_timeout";

    /// <summary>Silence for the idle limit.</summary>
    public const string StreamIdleTimeout = "stream_idle_timeout";

    /// <summary>The request was older than its limit allows.</summary>
    public const string MaxDurationTimeout = "max_duration_timeout";

    /// <summary>The client's connection ended first.</summary>
    public const string DownstreamRemoteDisconnect = "downstream_remote_disconnect";

    /// <summary>The client reset the request.</summary>
    public const string DownstreamRemoteReset = "downstream_remote_reset";

    /// <summary>A limit of the proxy.</summary>
    public const string Overload = "overload";

    /// <summary>A limit of the destination.</summary>
    public const string ResetByOverflow = "upstream_reset_before_response_started{overflow}";

    /// <summary>The mirror took the content of a copy so slowly that the copy was given up.</summary>
    public const string MirrorBehind = "mirror_behind";

    /// <summary>No connection came to be.</summary>
    public const string ResetByConnectionFailure = "upstream_reset_before_response_started{connection_failure}";

    /// <summary>No connection came to be in time.</summary>
    public const string ResetByConnectionTimeout = "upstream_reset_before_response_started{connection_timeout}";

    /// <summary>The connection ended before a response.</summary>
    public const string ResetByConnectionTermination = "upstream_reset_before_response_started{connection_termination}";

    /// <summary>The upstream reset the request before a response.</summary>
    public const string ResetByUpstream = "upstream_reset_before_response_started{remote_reset}";

    /// <summary>The upstream refused the request untouched.</summary>
    public const string RefusedByUpstream = "upstream_reset_before_response_started{remote_refused_stream_reset}";

    /// <summary>We reset the request before a response.</summary>
    public const string ResetByUs = "upstream_reset_before_response_started{local_reset}";

    /// <summary>The upstream's response breaks HTTP.</summary>
    public const string ResetByProtocolError = "upstream_reset_before_response_started{protocol_error}";

    /// <summary>The connection ended amid the response.</summary>
    public const string CutByConnectionTermination = "upstream_reset_after_response_started{connection_termination}";

    /// <summary>The upstream reset the request amid its response.</summary>
    public const string CutByUpstream = "upstream_reset_after_response_started{remote_reset}";

    /// <summary>The rest of the response breaks HTTP.</summary>
    public const string CutByProtocolError = "upstream_reset_after_response_started{protocol_error}";

    /// <summary>A policy denies the request; the whole text names policy and rule.</summary>
    public const string AccessDenied = "rbac_access_denied_matched_policy";

    /// <summary>A token is missing, or is not accepted; the whole text says why.</summary>
    public const string TokenDenied = "jwt_authn_access_denied";

    /// <summary>External authorization said no.</summary>
    public const string ExternallyDenied = "ext_authz_denied";

    /// <summary>External authorization did not answer, and the policy does not let pass what it does not answer for.</summary>
    public const string ExternalAuthorizationFailed = "ext_authz_error";

    /// <summary>The content is larger than an authorizer may be told, and it may not be told a part.</summary>
    public const string PayloadTooLarge = "request_payload_too_large";

    /// <summary>A rate limit.</summary>
    public const string RateLimited = "local_rate_limited";

    /// <summary>A fault rule.</summary>
    public const string FaultAbort = "fault_filter_abort";
}
