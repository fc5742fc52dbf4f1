using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.Bench.Load.Topology;

/// <summary>
/// A certificate authority and two workload certificates for the other proxies, made as ours are: ECDSA P-256, one SPIFFE identity
/// each, signed by the root.
/// </summary>
internal static class PeerCertificates
{
    private static readonly TimeSpan s_slack = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_lifetime = TimeSpan.FromDays(1);

    /// <summary>Writes ca.crt, near.pem and far.pem; the latter two hold certificate and key.</summary>
    public static void Write(string directory)
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=bench root", rootKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using X509Certificate2 root = request.CreateSelfSigned(now - s_slack, now + s_lifetime + s_slack);
        File.WriteAllText(Path.Combine(directory, "ca.crt"), root.ExportCertificatePem() + '\n');
        foreach (string name in (string[])["near", "far"])
        {
            string file = Path.Combine(directory, $"{name}.pem");
            File.WriteAllText(file, Workload(root, name, now));
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private static string Workload(X509Certificate2 root, string name, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri($"spiffe://cluster.local/ns/outside/sa/{name}"));
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        Span<byte> serial = stackalloc byte[16];
        RandomNumberGenerator.Fill(serial);
        serial[0] &= 0x7f;
        using X509Certificate2 certificate = request.Create(root, now - s_slack, now + s_lifetime, serial);
        return certificate.ExportCertificatePem() + '\n' + key.ExportPkcs8PrivateKeyPem() + '\n';
    }
}
