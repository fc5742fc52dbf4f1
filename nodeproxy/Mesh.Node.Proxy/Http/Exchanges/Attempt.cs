using Mesh.Node.Model.Retries;

namespace Mesh.Node.Proxy.Http.Exchanges;

/// <summary>How one attempt ended.</summary>
/// <param name="Outcome">As far as a further one depends on it.</param>
/// <param name="MayRetry">A further one is not out of the question, whatever the policy.</param>
/// <param name="IsStale">
/// A connection that had served before ended when it was used again, before anything of an answer, or the upstream said that it did
/// nothing: the request may be sent once more whatever the policy.
/// </param>
internal readonly record struct Attempt(AttemptOutcome Outcome, bool MayRetry, bool IsStale)
{
    /// <summary>The upstream does not carry in HTTP/2 what it may well carry in HTTP/1.1: nothing was sent.</summary>
    public bool WantsHttp1 { get; init; }

    /// <summary>The upstream said that it did nothing about the request; another connection is not needed for that.</summary>
    public bool IsRefused => Outcome.Kind == AttemptOutcomeKind.RefusedStream;

    /// <summary>Nothing was attempted, and nothing will be.</summary>
    public static Attempt None => new(new AttemptOutcome(AttemptOutcomeKind.Overflow), MayRetry: false, IsStale: false);

    public static Attempt Failed(AttemptOutcomeKind kind, bool isStale = false) => new(new AttemptOutcome(kind), MayRetry: true, isStale);
}
