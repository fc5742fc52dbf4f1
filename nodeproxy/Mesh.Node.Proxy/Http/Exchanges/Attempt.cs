using Mesh.Node.Model.Retries;

namespace Mesh.Node.Proxy.Http.Exchanges;

/// <summary>How one attempt ended.</summary>
/// <param name="Outcome">As far as a further one depends on it.</param>
/// <param name="MayRetry">A further one is not out of the question, whatever the policy.</param>
/// <param name="IsStale">
/// A connection that had served before ended when it was used again, before anything of an answer: nothing was done about the request, and
/// it may be sent once more whatever the policy.
/// </param>
internal readonly record struct Attempt(AttemptOutcome Outcome, bool MayRetry, bool IsStale)
{
    /// <summary>Nothing was attempted, and nothing will be.</summary>
    public static Attempt None => new(new AttemptOutcome(AttemptOutcomeKind.Overflow), MayRetry: false, IsStale: false);

    public static Attempt Failed(AttemptOutcomeKind kind, bool isStale = false) => new(new AttemptOutcome(kind), MayRetry: true, isStale);
}
