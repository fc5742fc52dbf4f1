using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.Testing.Certificates;

/// <summary>
/// A certificate authority in memory: roots, intermediates, SVIDs good and bad, revocation lists. Built on the class library and not on
/// the product's own CA, so that neither hides a mistake of the other.
/// </summary>
public sealed class TestCa : IDisposable
{
    private static readonly TimeSpan s_lifetime = TimeSpan.FromDays(1);

    private readonly ECDsa _key;
    private readonly X509Certificate2 _certificate; // With its key.
    private readonly string _intermediatesPem;
    private int _listsIssued;

    private TestCa(ECDsa key, X509Certificate2 certificate, string intermediatesPem)
    {
        _key = key;
        _certificate = certificate;
        _intermediatesPem = intermediatesPem;
    }

    /// <summary>This authority's own certificate.</summary>
    public string CertificatePem => _certificate.ExportCertificatePem();

    /// <summary>The same in DER.</summary>
    public byte[] CertificateDer => _certificate.RawData;

    /// <summary>Its key, to be given to a program that shall issue in its name.</summary>
    public string PrivateKeyPem => _key.ExportPkcs8PrivateKeyPem();

    /// <summary>Makes a self-signed root.</summary>
    /// <param name="name">Its common name. Two roots of one name differ in their keys.</param>
    public static TestCa CreateRoot(string name = "mesh test root")
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return new TestCa(key, AuthorityRequest(name, key).CreateSelfSigned(now - s_lifetime, now + s_lifetime), intermediatesPem: "");
    }

    /// <summary>Makes an authority below this one. What it issues carries it in the chain.</summary>
    /// <param name="name">Its common name.</param>
    public TestCa CreateIntermediate(string name = "mesh test intermediate")
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = AuthorityRequest(name, key);
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, true, false));
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.Create(_certificate, now - (s_lifetime / 2), now + (s_lifetime / 2), NewSerial());
        return new TestCa(key, certificate.CopyWithPrivateKey(key), certificate.ExportCertificatePem() + "\n" + _intermediatesPem);
    }

    /// <summary>Issues a leaf.</summary>
    /// <param name="uri">Its first URI name; usually a SPIFFE ID, but written as it is, so that bad ones can be made.</param>
    /// <param name="options">What is different about it.</param>
    public TestCertificate Issue(string uri, TestCertificateOptions? options = null)
    {
        options ??= TestCertificateOptions.Ordinary;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        CertificateRequest request = LeafRequest(uri, options, key);
        if (!options.WithoutKeyIdentifier)
        {
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, true, false));
        }

        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using X509Certificate2 certificate = request.Create(_certificate, now + options.ValidFrom, now + options.ValidUntil, NewSerial());
        string intermediates = options.WithoutIntermediates ? "" : _intermediatesPem;
        return new TestCertificate(certificate.RawData, certificate.ExportCertificatePem() + "\n" + intermediates, key);
    }

    /// <summary>Makes a leaf that vouches for itself.</summary>
    public static TestCertificate IssueSelfSigned(string uri)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        CertificateRequest request = LeafRequest(uri, TestCertificateOptions.Ordinary, key);
        using X509Certificate2 certificate = request.CreateSelfSigned(now - s_lifetime, now + s_lifetime);
        return new TestCertificate(certificate.RawData, certificate.ExportCertificatePem(), key);
    }

    /// <summary>Issues a revocation list.</summary>
    /// <param name="revoked">The certificates it names, in DER.</param>
    /// <param name="nextUpdate">
    /// When the next one is promised, from now; negative for a list that is out of date. One hour when null.
    /// </param>
    public string IssueRevocationList(IEnumerable<byte[]> revoked, TimeSpan? nextUpdate = null)
    {
        ArgumentNullException.ThrowIfNull(revoked);
        CertificateRevocationListBuilder builder = new();
        foreach (byte[] der in revoked)
        {
            using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
            builder.AddEntry(certificate);
        }

        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        _listsIssued++;
        DateTimeOffset issued = now - s_lifetime + TimeSpan.FromSeconds(_listsIssued); // Each newer than the one before, to the second.
        byte[] list = builder.Build(
            _certificate, _listsIssued, now + (nextUpdate ?? TimeSpan.FromHours(1)), HashAlgorithmName.SHA256, thisUpdate: issued);
        return PemEncoding.WriteString("X509 CRL", list) + "\n";
    }

    /// <summary>Wipes the key.</summary>
    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }

    private static CertificateRequest AuthorityRequest(string name, ECDsa key)
    {
        CertificateRequest request = new(new X500DistinguishedName($"O=cluster.local, CN={name}"), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, critical: true));
        X509KeyUsageFlags usage = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;
        request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request;
    }

    private static CertificateRequest LeafRequest(string uri, TestCertificateOptions options, ECDsa key)
    {
        // As SVIDs are: the subject is empty, and the names are critical.
        CertificateRequest request = new(new X500DistinguishedName(""), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(options.IsAuthority, false, 0, critical: true));
        X509KeyUsageFlags usage = X509KeyUsageFlags.DigitalSignature;
        usage |= options.IsAuthority || options.MaySignCertificates ? X509KeyUsageFlags.KeyCertSign : 0;
        request.CertificateExtensions.Add(new X509KeyUsageExtension(usage, critical: true));
        if (!options.WithoutNames)
        {
            request.CertificateExtensions.Add(Names([.. options.WithoutUri ? [] : (string[])[uri], .. options.MoreUris], options.DnsNames));
        }

        OidCollection purposes = [];
        if (options.ServerPurpose)
        {
            purposes.Add(new Oid("1.3.6.1.5.5.7.3.1"));
        }

        if (options.ClientPurpose)
        {
            purposes.Add(new Oid("1.3.6.1.5.5.7.3.2"));
        }

        if (purposes.Count > 0)
        {
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(purposes, critical: false));
        }

        return request;
    }

    /// <summary>
    /// RFC 5280 §4.2.1.6, written by hand because the class library's builder would tidy up the bad URIs that tests need.
    /// </summary>
    private static X509Extension Names(IEnumerable<string> uris, IEnumerable<string> dnsNames)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            foreach (string uri in uris)
            {
                writer.WriteCharacterString(UniversalTagNumber.IA5String, uri, new Asn1Tag(TagClass.ContextSpecific, 6));
            }

            foreach (string name in dnsNames)
            {
                writer.WriteCharacterString(UniversalTagNumber.IA5String, name, new Asn1Tag(TagClass.ContextSpecific, 2));
            }
        }

        return new X509Extension("2.5.29.17", writer.Encode(), critical: true);
    }

    private static byte[] NewSerial()
    {
        byte[] serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x3F) | 0x40); // Positive, and never shortened by a leading zero.
        return serial;
    }
}
