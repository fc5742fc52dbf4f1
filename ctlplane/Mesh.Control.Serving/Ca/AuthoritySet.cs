using System.Collections.Immutable;
using Org.BouncyCastle.X509;

namespace Mesh.Control.Serving.Ca;

/// <summary>Who signs and what is trusted, at one moment. Immutable.</summary>
/// <param name="Active">Signs.</param>
/// <param name="Issuers">Everybody whose certificates may be in use, the active one included: each has a revocation list.</param>
/// <param name="Roots">What peers are verified against.</param>
internal sealed record AuthoritySet(
    SigningAuthority Active, ImmutableArray<SigningAuthority> Issuers, ImmutableArray<X509Certificate> Roots);
