using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Tests.Support;
using Xunit;

namespace Mesh.Control.Tests.Serving;

/// <summary>What the authority signs.</summary>
public sealed class CertificateAuthorityTests : AuthorityTests
{
    private const string ServerPurpose = "1.3.6.1.5.5.7.3.1";
    private const string ClientPurpose = "1.3.6.1.5.5.7.3.2";

    [Fact]
    public async Task A_workload_certificate_is_an_svid_of_the_asked_key()
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        IssuedCertificate issued = Issue(authority, key);

        using var certificate = X509Certificate2.CreateFromPem(Assert.Single(issued.Chain));
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(string.Empty, certificate.Subject);
        Assert.Equal(["spiffe://cluster.local/ns/shop/sa/cart"], UriNames(certificate, out bool isCritical));
        Assert.True(isCritical);
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.Equal(X509KeyUsageFlags.DigitalSignature, certificate.Extensions.OfType<X509KeyUsageExtension>().Single().KeyUsages);
        Assert.Equal([ServerPurpose, ClientPurpose], Purposes(certificate));
        Assert.Equal(Time.GetUtcNow() + TimeSpan.FromHours(24), certificate.NotAfter.ToUniversalTime());
        Assert.Equal(Time.GetUtcNow() - TimeSpan.FromMinutes(1), certificate.NotBefore.ToUniversalTime());
        Assert.Equal(32, certificate.SerialNumber.Length);
        Assert.True(Verifies(certificate, issued.RootCertificatesPem));
    }

    [Theory]
    [InlineData(10, 10, 1)]
    [InlineData(3_600, 3_600, 60)]
    [InlineData(90_000, 86_400, 60)]
    public async Task A_lifetime_may_be_shorter_than_the_longest_but_not_longer(int askedSeconds, int givenSeconds, int backdatedSeconds)
    {
        CertificateAuthority authority = await OpenAsync();
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        IssuedCertificate issued = Issue(authority, key, TimeSpan.FromSeconds(askedSeconds));

        using var certificate = X509Certificate2.CreateFromPem(issued.Chain[0]);
        Assert.Equal(TimeSpan.FromSeconds(givenSeconds), certificate.NotAfter.ToUniversalTime() - Time.GetUtcNow());
        Assert.Equal(TimeSpan.FromSeconds(backdatedSeconds), Time.GetUtcNow() - certificate.NotBefore.ToUniversalTime());
        Assert.Equal(issued.NotAfter, certificate.NotAfter.ToUniversalTime());
    }

    [Fact]
    public async Task The_servers_certificate_has_names_and_cannot_be_a_workload()
    {
        CertificateAuthority authority = await OpenAsync();

        (IssuedCertificate issued, string keyPem) = authority.IssueServer(["mesh-control"], [IPAddress.Loopback], TimeSpan.FromHours(24));

        using var certificate = X509Certificate2.CreateFromPem(issued.Chain[0], keyPem);
        Assert.True(certificate.MatchesHostname("mesh-control"));
        Assert.True(certificate.MatchesHostname("127.0.0.1"));
        Assert.False(certificate.MatchesHostname("elsewhere"));
        Assert.Empty(UriNames(certificate, out _));
        Assert.Equal([ServerPurpose], Purposes(certificate));
        Assert.True(Verifies(certificate, issued.RootCertificatesPem));
    }

    private static IEnumerable<string> Purposes(X509Certificate2 certificate) => certificate.Extensions
        .OfType<X509EnhancedKeyUsageExtension>()
        .SelectMany(extension => extension.EnhancedKeyUsages.Cast<Oid>())
        .Select(oid => oid.Value!)
        .Order(StringComparer.Ordinal);

    private static List<string> UriNames(X509Certificate2 certificate, out bool isCritical)
    {
        X509Extension? extension = certificate.Extensions.SingleOrDefault(found => found.Oid?.Value == "2.5.29.17");
        isCritical = extension?.Critical ?? false;
        var names = new List<string>();
        if (extension is not null)
        {
            AsnReader reader = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            var uri = new Asn1Tag(TagClass.ContextSpecific, 6);
            while (reader.HasData)
            {
                if (reader.PeekTag().HasSameClassAndValue(uri))
                {
                    names.Add(reader.ReadCharacterString(UniversalTagNumber.IA5String, uri));
                }
                else
                {
                    reader.ReadEncodedValue();
                }
            }
        }

        return names;
    }
}
