namespace Mesh.Node.Model.Retries;

/// <summary>After what a request may be sent once more (reference E.3).</summary>
[Flags]
public enum RetryConditions
{
    None = 0,

    /// <summary>5xx: any server error, and whatever leaves no answer.</summary>
    ServerError = 1 << 0,

    /// <summary>gateway-error: 502, 503, 504, and whatever leaves no answer, which would be answered with one of them.</summary>
    GatewayError = 1 << 1,

    /// <summary>reset: the upstream ended the request without an answer, in whatever way.</summary>
    Reset = 1 << 2,

    /// <summary>reset-before-request: likewise, before anything of the request was sent.</summary>
    ResetBeforeRequest = 1 << 3,

    /// <summary>connect-failure: no connection could be had.</summary>
    ConnectFailure = 1 << 4,

    /// <summary>refused-stream: the upstream said that it did nothing about the request.</summary>
    RefusedStream = 1 << 5,

    /// <summary>retriable-4xx: 409.</summary>
    Conflict = 1 << 6,

    /// <summary>retriable-status-codes: those the policy lists.</summary>
    StatusCodes = 1 << 7,

    /// <summary>envoy-ratelimited: the upstream said by a header that it limits.</summary>
    RateLimited = 1 << 8,

    /// <summary>gRPC's CANCELLED, in the head of the response as all of gRPC's.</summary>
    GrpcCancelled = 1 << 9,

    /// <summary>gRPC's DEADLINE_EXCEEDED.</summary>
    GrpcDeadlineExceeded = 1 << 10,

    /// <summary>gRPC's INTERNAL.</summary>
    GrpcInternal = 1 << 11,

    /// <summary>gRPC's RESOURCE_EXHAUSTED.</summary>
    GrpcResourceExhausted = 1 << 12,

    /// <summary>gRPC's UNAVAILABLE.</summary>
    GrpcUnavailable = 1 << 13,
}
