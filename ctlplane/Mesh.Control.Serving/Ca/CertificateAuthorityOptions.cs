using Mesh.Api.Identity;

namespace Mesh.Control.Serving.Ca;

/// <summary>How the certificate authority works.</summary>
public sealed record CertificateAuthorityOptions
{
    public required TrustDomain TrustDomain { get; init; }

    /// <summary>Longest life of a workload's certificate, and the one given to who asks for none. 1 s to 90 days; default 24 h.</summary>
    public TimeSpan WorkloadLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long a revocation list is good for. It is renewed daily, so a proxy may be cut off for the rest. Default 7 days.
    /// </summary>
    public TimeSpan RevocationListLifetime { get; init; } = TimeSpan.FromDays(7);

    /// <summary>
    /// Others sign with the same root, and it is not known here what: an old root is trusted for as long as anything that it may have
    /// signed is.
    /// </summary>
    public bool IsShared { get; init; }

    /// <summary>A certificate authority of somebody else's making; null for a root of our own in the state directory.</summary>
    public SuppliedAuthorityOptions? Supplied { get; init; }
}

/// <summary>Files in PEM form, watched for change.</summary>
/// <param name="CertificateFile">The issuing certificate, then the certificates above it, without the root.</param>
/// <param name="KeyFile">Its private key.</param>
/// <param name="RootsFile">What workloads are to trust. May hold several, so that roots can be changed with overlap.</param>
public sealed record SuppliedAuthorityOptions(string CertificateFile, string KeyFile, string RootsFile);
