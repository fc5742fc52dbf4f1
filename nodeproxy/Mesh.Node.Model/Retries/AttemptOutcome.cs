namespace Mesh.Node.Model.Retries;

/// <summary>How an attempt ended, as far as a further one depends on it.</summary>
/// <param name="Kind">How.</param>
/// <param name="Status">The status of the answer; 0 where there was none.</param>
/// <param name="GrpcStatus">gRPC's status in the head of the answer; null where there was none.</param>
/// <param name="IsRateLimited">The answer had a header that says so.</param>
public readonly record struct AttemptOutcome(AttemptOutcomeKind Kind, int Status = 0, int? GrpcStatus = null, bool IsRateLimited = false)
{
    public static AttemptOutcome Answered(int status, int? grpcStatus = null, bool isRateLimited = false) =>
        new(AttemptOutcomeKind.Answered, status, grpcStatus, isRateLimited);
}

/// <inheritdoc cref="AttemptOutcome"/>
public enum AttemptOutcomeKind
{
    /// <summary>The head of an answer has come, and nothing of it has gone on.</summary>
    Answered,

    /// <summary>No connection could be had.</summary>
    ConnectFailure,

    /// <summary>The upstream said that it did nothing about the request: REFUSED_STREAM, or beyond a GOAWAY's last stream.</summary>
    RefusedStream,

    /// <summary>The connection or the stream was lost before anything of the request was sent.</summary>
    ResetBeforeRequest,

    /// <summary>The connection or the stream was lost after the request was sent, in part or whole.</summary>
    Reset,

    /// <summary>The time one attempt may take was over.</summary>
    AttemptTimeout,

    /// <summary>
    /// A limit of connections or requests was reached: there was no attempt, and a further one would only add to the load.
    /// </summary>
    Overflow,
}
