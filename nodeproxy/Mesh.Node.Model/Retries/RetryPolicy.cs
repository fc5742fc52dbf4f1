using System.Collections.Immutable;
using Mesh.Node.Model.Balancing;

namespace Mesh.Node.Model.Retries;

/// <summary>Whether, and when, a request is sent once more. Immutable; any thread; deciding allocates nothing.</summary>
/// <remarks>
/// It says what the attempt's end allows. Whether the request can be sent again at all (its content still held, nothing of an answer gone
/// on, time and budget left) is for whoever sends it.
/// </remarks>
public sealed record RetryPolicy
{
    private const int GrpcCancelled = 1;
    private const int GrpcDeadlineExceeded = 4;
    private const int GrpcResourceExhausted = 8;
    private const int GrpcInternal = 13;
    private const int GrpcUnavailable = 14;

    /// <summary>What holds where nothing is said (reference 0.5): two more attempts after what the upstream did not process.</summary>
    public static RetryPolicy Default { get; } = new()
    {
        Retries = 2,
        Conditions = RetryConditions.ConnectFailure | RetryConditions.RefusedStream | RetryConditions.GrpcUnavailable
            | RetryConditions.GrpcCancelled | RetryConditions.StatusCodes,
    };

    /// <summary>One attempt and no more.</summary>
    public static RetryPolicy Never { get; } = new();

    /// <summary>Attempts after the first; 0 for none.</summary>
    public int Retries { get; init; }

    public RetryConditions Conditions { get; init; }

    /// <summary>With <see cref="RetryConditions.StatusCodes"/>.</summary>
    public ImmutableArray<int> StatusCodes { get; init; } = [];

    /// <summary>How long one attempt may take; null for as long as the request may.</summary>
    public TimeSpan? AttemptTimeout { get; init; }

    /// <summary>The first pause is up to this long.</summary>
    public TimeSpan BackoffBase { get; init; } = TimeSpan.FromMilliseconds(25);

    /// <summary>No pause is longer; null for ten times the base.</summary>
    public TimeSpan? BackoffMax { get; init; }

    /// <summary>Endpoints already tried are avoided while others are left.</summary>
    public bool AvoidsTried { get; init; } = true;

    /// <summary>Whether an attempt that ended so may be followed by another.</summary>
    public bool Allows(AttemptOutcome outcome) => outcome.Kind switch
    {
        AttemptOutcomeKind.Overflow => false,
        AttemptOutcomeKind.Answered => AllowsAfterAnswer(outcome),
        _ => AllowsWithoutAnswer(outcome.Kind),
    };

    /// <summary>How long to pause before a further attempt: drawn evenly from nothing to (2^n - 1) times the base.</summary>
    /// <param name="retry">Which it is, from 1.</param>
    /// <param name="random">The caller's generator.</param>
    public TimeSpan PauseBefore(int retry, ref RandomState random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(retry, 1);
        const int DoublingsMax = 20;
        long longest = (BackoffMax ?? (BackoffBase * 10)).Ticks;
        long reach = Math.Min(BackoffBase.Ticks * ((1L << Math.Min(retry, DoublingsMax)) - 1), longest);
        return reach <= 0 ? TimeSpan.Zero : TimeSpan.FromTicks((long)random.Next((ulong)reach));
    }

    private bool AllowsAfterAnswer(AttemptOutcome outcome)
    {
        if (outcome.IsRateLimited)
        {
            // Who limits is not asked again unless that is wanted.
            return Has(RetryConditions.RateLimited);
        }

        return (outcome.Status is >= 500 and <= 599 && Has(RetryConditions.ServerError))
            || (outcome.Status is 502 or 503 or 504 && Has(RetryConditions.GatewayError))
            || (outcome.Status == 409 && Has(RetryConditions.Conflict))
            || (Has(RetryConditions.StatusCodes) && StatusCodes.Contains(outcome.Status))
            || (outcome.GrpcStatus is int status && Has(ConditionOf(status)));
    }

    private bool AllowsWithoutAnswer(AttemptOutcomeKind kind) =>
        Has(RetryConditions.ServerError | RetryConditions.GatewayError)
        || kind switch
        {
            AttemptOutcomeKind.ConnectFailure => Has(RetryConditions.ConnectFailure),
            AttemptOutcomeKind.RefusedStream => Has(RetryConditions.RefusedStream | RetryConditions.Reset),
            AttemptOutcomeKind.ResetBeforeRequest => Has(RetryConditions.ResetBeforeRequest | RetryConditions.Reset),
            _ => Has(RetryConditions.Reset),
        };

    private bool Has(RetryConditions any) => (Conditions & any) != 0;

    private static RetryConditions ConditionOf(int grpcStatus) => grpcStatus switch
    {
        GrpcCancelled => RetryConditions.GrpcCancelled,
        GrpcDeadlineExceeded => RetryConditions.GrpcDeadlineExceeded,
        GrpcResourceExhausted => RetryConditions.GrpcResourceExhausted,
        GrpcInternal => RetryConditions.GrpcInternal,
        GrpcUnavailable => RetryConditions.GrpcUnavailable,
        _ => RetryConditions.None,
    };
}
