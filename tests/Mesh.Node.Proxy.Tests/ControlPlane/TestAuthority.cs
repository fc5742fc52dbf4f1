using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.Node.Proxy.Tests.ControlPlane;

/// <summary>A root that signs what it is asked to, well or badly.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _root;
    private int _serial;
    private int _listNumber;

    public TestAuthority(string name = "test root")
    {
        var request = new CertificateRequest(new X500DistinguishedName($"CN={name}"), _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        _root = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(3650));
    }

    public string RootPem => _root.ExportCertificatePem();

    /// <summary>Signs a request: whatever key it carries, for the name given.</summary>
    public string Sign(string requestPem, string uri, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var request = CertificateRequest.LoadSigningRequestPem(requestPem, HashAlgorithmName.SHA256);
        return SignKey(request.PublicKey, uri, notBefore, notAfter);
    }

    /// <summary>A certificate for a key nobody has.</summary>
    public string SignStranger(string uri, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return SignKey(new PublicKey(key), uri, notBefore, notAfter);
    }

    /// <summary>A server certificate with its key, for a DNS name.</summary>
    public X509Certificate2 CreateServer(string dnsName)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName($"CN={dnsName}"), key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(dnsName);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.Create(_root, now.AddHours(-1), now.AddDays(1), NextSerial());
        using X509Certificate2 withKey = certificate.CopyWithPrivateKey(key);

        // The TLS stack of some platforms wants a key that is not ephemeral.
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }

    public string CreateEmptyRevocationList() => CreateRevocationList();

    /// <param name="serials">Of the certificates on it, hexadecimal.</param>
    public string CreateRevocationList(params IEnumerable<string> serials)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (string serial in serials)
        {
            builder.AddEntry(Convert.FromHexString(serial));
        }

        byte[] list = builder.Build(
            _root, ++_listNumber, TimeProvider.System.GetUtcNow().AddDays(1), HashAlgorithmName.SHA256);
        return PemEncoding.WriteString("X509 CRL", list);
    }

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
    }

    private string SignKey(PublicKey key, string uri, DateTimeOffset notBefore, DateTimeOffset notAfter)
    {
        var request = new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        if (uri.Length > 0)
        {
            request.CertificateExtensions.Add(UriNames([.. uri.Split(' ')]));
        }

        using X509Certificate2 certificate =
            request.Create(_root.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), notBefore, notAfter, NextSerial());
        return certificate.ExportCertificatePem();
    }

    private static X509Extension UriNames(string[] uris)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (string uri in uris)
            {
                writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, 6));
            }
        }

        return new X509Extension("2.5.29.17", writer.Encode(), critical: true);
    }

    private byte[] NextSerial() => [0x40, 0, 0, (byte)(_serial >> 8), (byte)_serial++];
}
