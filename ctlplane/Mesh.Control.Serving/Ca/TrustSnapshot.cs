using System.Collections.Immutable;

namespace Mesh.Control.Serving.Ca;

/// <summary>What verifiers need, at one moment. Immutable.</summary>
/// <param name="Generation">Grows with every change.</param>
/// <param name="RootCertificatesPem">All trusted roots.</param>
/// <param name="RevocationLists">One per issuer.</param>
public sealed record TrustSnapshot(long Generation, string RootCertificatesPem, ImmutableArray<IssuerRevocationList> RevocationLists);

public sealed record IssuerRevocationList(string IssuerKeyId, string Pem);

/// <summary>A certificate and what to send along with it.</summary>
/// <param name="Chain">PEM: the leaf, then its intermediates.</param>
/// <param name="RootCertificatesPem">All trusted roots.</param>
/// <param name="NotAfter">End of the leaf's life.</param>
public sealed record IssuedCertificate(ImmutableArray<string> Chain, string RootCertificatesPem, DateTimeOffset NotAfter);
