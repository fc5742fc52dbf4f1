using System.Collections.Immutable;
using Mesh.Api.Identity;
using Mesh.Control.Serving.State;

namespace Mesh.Control.Serving.Ca;

/// <summary>Who signs, who is trusted and what is revoked, for people to look at. Shows no key.</summary>
/// <param name="TrustDomain">Of all of it.</param>
/// <param name="IsSupplied">Whether the authority was supplied or is our own.</param>
/// <param name="Issuers">Everybody whose certificates may be in use.</param>
/// <param name="Roots">What peers are verified against.</param>
public sealed record AuthorityStatus(
    TrustDomain TrustDomain, bool IsSupplied, ImmutableArray<IssuerStatus> Issuers, ImmutableArray<RootStatus> Roots);

/// <param name="KeyId">Subject key identifier, lower-case hex.</param>
/// <param name="Subject">Its name.</param>
/// <param name="Role">How far it is in its life.</param>
/// <param name="NotAfter">When its own certificate expires.</param>
/// <param name="SignsFrom">Incoming: not before then.</param>
/// <param name="TrustedUntil">Outgoing: when the last certificate it signed has expired.</param>
/// <param name="LastExpiry">When the last certificate known of it expires; null when none is out.</param>
/// <param name="RevokedCount">Certificates on its list.</param>
/// <param name="ListIssuedAt">Since when the list is what it is.</param>
public sealed record IssuerStatus(
    string KeyId,
    string Subject,
    AuthorityRole Role,
    DateTimeOffset NotAfter,
    DateTimeOffset? SignsFrom,
    DateTimeOffset? TrustedUntil,
    DateTimeOffset? LastExpiry,
    int RevokedCount,
    DateTimeOffset ListIssuedAt);

/// <param name="KeyId">Subject key identifier, lower-case hex.</param>
/// <param name="Subject">Its name.</param>
/// <param name="NotAfter">When it expires.</param>
public sealed record RootStatus(string KeyId, string Subject, DateTimeOffset NotAfter);
