namespace Mesh.Testing.Certificates;

/// <summary>
/// How a certificate departs from an ordinary SVID: valid for an hour, for both roles, with one URI and no right to sign.
/// </summary>
public sealed record TestCertificateOptions
{
    /// <summary>The ordinary SVID.</summary>
    public static TestCertificateOptions Ordinary { get; } = new();

    /// <summary>Valid from this long after now; before now when negative.</summary>
    public TimeSpan ValidFrom { get; init; } = TimeSpan.FromMinutes(-5);

    /// <summary>Valid until this long after now; before now when negative.</summary>
    public TimeSpan ValidUntil { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Says CA:TRUE, and may sign certificates and revocation lists.</summary>
    public bool IsAuthority { get; init; }

    /// <summary>May sign certificates although it says CA:FALSE.</summary>
    public bool MaySignCertificates { get; init; }

    /// <summary>Carries the purpose serverAuth.</summary>
    public bool ServerPurpose { get; init; } = true;

    /// <summary>Carries the purpose clientAuth. With neither purpose the extension is absent.</summary>
    public bool ClientPurpose { get; init; } = true;

    /// <summary>DNS names beside the URI names.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = [];

    /// <summary>URI names beyond the first.</summary>
    public IReadOnlyList<string> MoreUris { get; init; } = [];

    /// <summary>Has no subject alternative name at all.</summary>
    public bool WithoutNames { get; init; }

    /// <summary>Has no URI name, only what else is given.</summary>
    public bool WithoutUri { get; init; }

    /// <summary>Does not say which of the issuer's keys signed it.</summary>
    public bool WithoutKeyIdentifier { get; init; }

    /// <summary>Comes without the intermediates a peer would need.</summary>
    public bool WithoutIntermediates { get; init; }
}
