using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Api.Identity;

namespace Mesh.Node.Proxy.Identity;

/// <summary>A new key for one identity and the request to certify it. The key is in memory only and is never reused.</summary>
internal sealed class WorkloadKey : IDisposable
{
    private readonly ECDsa _key;

    private WorkloadKey(ECDsa key, string requestPem)
    {
        _key = key;
        RequestPem = requestPem;
    }

    /// <summary>PKCS#10: no subject, and the identity as the one, critical, alternative name.</summary>
    public string RequestPem { get; }

    public static WorkloadKey Create(SpiffeId identity)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            var request = new CertificateRequest(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509Extension(UriNames.ExtensionOid, EncodeName(identity), critical: true));
            return new WorkloadKey(key, request.CreateSigningRequestPem());
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    /// <summary>True when the certificate is for this key.</summary>
    public bool Matches(X509Certificate2 certificate) =>
        certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(_key.ExportSubjectPublicKeyInfo());

    /// <summary>The private key; whoever takes it wipes it.</summary>
    public byte[] ExportPkcs8() => _key.ExportPkcs8PrivateKey();

    public void Dispose() => _key.Dispose();

    /// <summary>RFC 5280 §4.2.1.6, by hand: the class library's builder takes a Uri, which rewrites hosts that look like numbers.</summary>
    private static byte[] EncodeName(SpiffeId identity)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteCharacterString(UniversalTagNumber.IA5String, identity.ToString(), UriNames.Tag);
        }

        return writer.Encode();
    }
}
