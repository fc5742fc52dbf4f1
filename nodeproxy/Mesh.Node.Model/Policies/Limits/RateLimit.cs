namespace Mesh.Node.Model.Policies.Limits;

/// <summary>How many of some requests a workload takes; what comes beyond is answered with 429.</summary>
/// <param name="Match">Which requests count; a rule without clauses means all.</param>
/// <param name="Requests">How many are let in in an interval; 1 or more.</param>
/// <param name="Interval">A millisecond or more.</param>
/// <param name="Burst">How many may come at once when none came for long; 1 or more.</param>
/// <param name="IsByClient">Each identity of a client has an allowance of its own; those without one share one.</param>
public sealed record RateLimit(AuthorizationRule Match, int Requests, TimeSpan Interval, int Burst, bool IsByClient);
