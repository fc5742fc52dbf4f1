using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Control.Serving.Ca;

namespace Mesh.Control.Tests.Support;

/// <summary>Certificate authorities that an organisation brings along.</summary>
internal static class SuppliedAuthorities
{
    /// <summary>A root and an intermediate of somebody else's making, as an organisation would hand them over.</summary>
    /// <param name="directory">Where to.</param>
    /// <param name="name">Tells several apart.</param>
    /// <param name="now">The time; the intermediate is good for a year.</param>
    /// <param name="rootPathLength">How many authorities the root allows below it; null for any number.</param>
    public static (SuppliedAuthorityOptions Options, string RootPem) Write(
        ScratchDirectory directory, string name, DateTimeOffset now, int? rootPathLength = null)
    {
        DateTimeOffset from = now.AddDays(-1);
        using ECDsa rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        var rootRequest = new CertificateRequest($"CN=Corporate root {name}", rootKey, HashAlgorithmName.SHA384);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, rootPathLength.HasValue, rootPathLength ?? 0, true));
        rootRequest.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(rootRequest.PublicKey, false));
        using X509Certificate2 root = rootRequest.CreateSelfSigned(from, from.AddYears(10));

        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN=Mesh issuer {name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using X509Certificate2 intermediate = request.Create(root, from, from.AddYears(1), RandomNumberGenerator.GetBytes(16));

        directory.Write($"{name}.crt", intermediate.ExportCertificatePem());
        directory.Write($"{name}.key", key.ExportECPrivateKeyPem());
        File.SetUnixFileMode(directory[$"{name}.key"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        directory.Write($"{name}.roots", root.ExportCertificatePem());
        return (
            new SuppliedAuthorityOptions(directory[$"{name}.crt"], directory[$"{name}.key"], directory[$"{name}.roots"]),
            root.ExportCertificatePem() + "\n");
    }
}
