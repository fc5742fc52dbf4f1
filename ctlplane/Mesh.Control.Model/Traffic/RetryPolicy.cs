using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Mesh.Control.Model.Traffic;

/// <summary>After what a request may be sent once more.</summary>
public enum RetryCondition
{
    ServerError,
    GatewayError,
    Reset,
    ResetBeforeRequest,
    ConnectFailure,
    RefusedStream,
    Conflict,
    StatusCodes,
    RateLimited,
    GrpcCancelled,
    GrpcDeadlineExceeded,
    GrpcInternal,
    GrpcResourceExhausted,
    GrpcUnavailable,
}

/// <summary>Whether, and when, a request is sent once more. Immutable.</summary>
/// <param name="Retries">Attempts after the first.</param>
/// <param name="Conditions">After what.</param>
public sealed record RetryPolicy(int Retries, ImmutableArray<RetryCondition> Conditions)
{
    private static readonly FrozenDictionary<string, RetryCondition> s_names = new Dictionary<string, RetryCondition>
    {
        ["5xx"] = RetryCondition.ServerError,
        ["gateway-error"] = RetryCondition.GatewayError,
        ["reset"] = RetryCondition.Reset,
        ["reset-before-request"] = RetryCondition.ResetBeforeRequest,
        ["connect-failure"] = RetryCondition.ConnectFailure,
        ["refused-stream"] = RetryCondition.RefusedStream,
        ["retriable-4xx"] = RetryCondition.Conflict,
        ["retriable-status-codes"] = RetryCondition.StatusCodes,
        ["envoy-ratelimited"] = RetryCondition.RateLimited,
        ["cancelled"] = RetryCondition.GrpcCancelled,
        ["deadline-exceeded"] = RetryCondition.GrpcDeadlineExceeded,
        ["internal"] = RetryCondition.GrpcInternal,
        ["resource-exhausted"] = RetryCondition.GrpcResourceExhausted,
        ["unavailable"] = RetryCondition.GrpcUnavailable,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>What is retried where nothing is said.</summary>
    public static ImmutableArray<RetryCondition> DefaultConditions { get; } =
    [
        RetryCondition.ConnectFailure, RetryCondition.RefusedStream, RetryCondition.GrpcUnavailable, RetryCondition.GrpcCancelled,
        RetryCondition.StatusCodes,
    ];

    /// <summary>What holds where nothing is said: two more attempts after what the upstream did not process.</summary>
    public static RetryPolicy Default { get; } = new(2, DefaultConditions);

    /// <summary>One attempt and no more.</summary>
    public static RetryPolicy Never { get; } = new(0, []);

    /// <summary>With <see cref="RetryCondition.StatusCodes"/>.</summary>
    public ImmutableArray<int> StatusCodes { get; init; } = [];

    /// <summary>Of one attempt; null for as long as the request may take.</summary>
    public TimeSpan? AttemptTimeout { get; init; }

    /// <summary>Null for the proxy's default.</summary>
    public TimeSpan? BackoffBase { get; init; }

    /// <summary>Endpoints that were tried may be tried again at once.</summary>
    public bool RevisitsTried { get; init; }

    /// <summary>The condition of a name as people write it; null when there is none.</summary>
    public static RetryCondition? Named(string name) => s_names.TryGetValue(name, out RetryCondition condition) ? condition : null;

    /// <summary>The names that are known, for messages.</summary>
    public static IEnumerable<string> Names => s_names.Keys.Order(StringComparer.Ordinal);
}
