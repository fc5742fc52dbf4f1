using System.Collections.Immutable;
using Mesh.Api.Identity;

namespace Mesh.Node.Proxy.Identity;

/// <summary>How the certificate of one identity stands. For display.</summary>
/// <param name="Identity">Whose.</param>
/// <param name="State">Whether there is a usable one.</param>
/// <param name="Chain">The leaf and its intermediates; empty before the first.</param>
/// <param name="ChainPem">The same, as issued; empty before the first.</param>
/// <param name="RootsPem">The roots that came with it; empty before the first.</param>
/// <param name="NextAttempt">When the next one is asked for; null while one is being asked for, or none is wanted yet.</param>
/// <param name="LastError">Why the last attempt failed; null after a success.</param>
public sealed record CertificateStatus(
    SpiffeId Identity,
    CertificateState State,
    ImmutableArray<CertificateSummary> Chain,
    string ChainPem,
    string RootsPem,
    DateTimeOffset? NextAttempt,
    string? LastError);

/// <summary>Whether an identity can be used.</summary>
public enum CertificateState
{
    /// <summary>None yet, and nothing has failed.</summary>
    Awaited,
    Valid,

    /// <summary>The last one has expired and no new one came.</summary>
    Expired,

    /// <summary>A revocation list names it, and no new one came. Peers refuse it.</summary>
    Revoked,

    /// <summary>None yet, because every attempt failed.</summary>
    Unavailable,
}
