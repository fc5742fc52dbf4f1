using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Api.Identity;
using Mesh.Node.Proxy.Identity;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Identity;

public sealed class WorkloadKeyTests
{
    [Theory]
    [InlineData("spiffe://cluster.local/ns/default/sa/client")]
    [InlineData("spiffe://10.1/ns/a/sa/b")]
    [InlineData("spiffe://under_score/ns/A.b/sa/C-d_e")]
    public void A_request_has_no_subject_one_critical_name_and_a_P256_key(string text)
    {
        using WorkloadKey key = WorkloadKey.Create(SpiffeId.Parse(text));

        var request = CertificateRequest.LoadSigningRequestPem(
            key.RequestPem, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        Assert.Equal("", request.SubjectName.Name);
        X509Extension extension = Assert.Single(request.CertificateExtensions);
        Assert.Equal("2.5.29.17", extension.Oid!.Value);
        Assert.True(extension.Critical);
        AsnReader names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
        Assert.Equal(text, names.ReadCharacterString(UniversalTagNumber.IA5String, new Asn1Tag(TagClass.ContextSpecific, 6)));
        Assert.False(names.HasData);
        using ECDsa? publicKey = request.PublicKey.GetECDsaPublicKey();
        Assert.Equal("1.2.840.10045.3.1.7", publicKey!.ExportParameters(false).Curve.Oid.Value);
    }

    [Fact]
    public void Two_requests_of_one_identity_have_two_keys()
    {
        SpiffeId identity = SpiffeId.Parse("spiffe://cluster.local/ns/a/sa/b");
        using WorkloadKey one = WorkloadKey.Create(identity);
        using WorkloadKey other = WorkloadKey.Create(identity);

        Assert.NotEqual(one.ExportPkcs8(), other.ExportPkcs8());
    }
}
