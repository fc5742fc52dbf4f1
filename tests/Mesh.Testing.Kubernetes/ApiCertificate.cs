using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.Testing.Kubernetes;

/// <summary>A root of a cluster of its own, and what the API server of the loopback address serves with.</summary>
public sealed class ApiCertificate : IDisposable
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);

    /// <param name="usage">What the server's certificate is for (an OID of extended key usage); null for anything.</param>
    public ApiCertificate(string? usage = null)
    {
        DateTimeOffset from = TimeProvider.System.GetUtcNow() - s_lifetime;
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest("CN=kubernetes", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(
            certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        using X509Certificate2 root = rootRequest.CreateSelfSigned(from, from + (3 * s_lifetime));
        RootPem = root.ExportCertificatePem();

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kube-apiserver", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        if (usage is not null)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(usage)], critical: false));
        }

        using X509Certificate2 signed = request.Create(root, from, from + (2 * s_lifetime), RandomNumberGenerator.GetBytes(8));
        using X509Certificate2 joined = signed.CopyWithPrivateKey(key);
        Server = X509CertificateLoader.LoadPkcs12(joined.Export(X509ContentType.Pkcs12), password: null);
    }

    public string RootPem { get; }

    public X509Certificate2 Server { get; }

    public void Dispose() => Server.Dispose();
}
