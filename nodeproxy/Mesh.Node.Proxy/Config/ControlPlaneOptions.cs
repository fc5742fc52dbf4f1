namespace Mesh.Node.Proxy.Config;

/// <summary>Where the control plane is and how it is known. Section <c>controlPlane</c> of the node's configuration file.</summary>
public sealed class ControlPlaneOptions
{
    /// <summary>An https address with a port, for discovery and certificates alike.</summary>
    public required Uri Address { get; init; }

    /// <summary>The DNS name its certificate must carry; the host of <see cref="Address"/> when null.</summary>
    public string? ServerName { get; set; }

    /// <summary>PEM file of the roots its certificate is verified against. Read again for every new connection.</summary>
    public required string RootCertificateFile { get; init; }

    /// <summary>File of the bearer token. Read again for every call.</summary>
    public required string TokenFile { get; init; }

    /// <summary>
    /// The namespace whose policies hold for the whole mesh, as the control plane is told too. A policy of it that cannot be read denies
    /// everything everywhere.
    /// </summary>
    public string RootNamespace { get; set; } = "istio-system";

    /// <summary>Time for TCP and TLS together. Seconds, 1 to 60.</summary>
    public int ConnectTimeoutSeconds { get; set; } = 5;

    /// <summary>Time for one certificate request. Seconds, 1 to 120.</summary>
    public int CertificateTimeoutSeconds { get; set; } = 10;

    /// <summary>Lifetime asked for certificates. Seconds, 1 to 7 776 000 (90 days); the authority may give less.</summary>
    public int CertificateLifetimeSeconds { get; set; } = 86_400;
}
