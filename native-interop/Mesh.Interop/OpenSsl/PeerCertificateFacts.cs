namespace Mesh.Interop.OpenSsl;

/// <summary>What a verified leaf certificate says about the peer.</summary>
public readonly ref struct PeerCertificateFacts
{
    /// <summary>
    /// The one URI name of the leaf: "spiffe://" and a non-empty trust domain at least, printable ASCII, at most 2048 bytes.
    /// </summary>
    public required string UriSan { get; init; }

    /// <summary>The serial number in upper-case hexadecimal, as revocation lists and `openssl x509 -serial` show it.</summary>
    public required string SerialNumber { get; init; }

    /// <summary>Valid from this instant.</summary>
    public required DateTimeOffset NotBefore { get; init; }

    /// <summary>Valid until this instant.</summary>
    public required DateTimeOffset NotAfter { get; init; }
}
