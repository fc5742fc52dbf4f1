using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Mesh.Api.Identity;
using Mesh.Control.Serving.Ca;
using Mesh.Control.Tests.Support;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Pkcs;
using Org.BouncyCastle.X509;
using Xunit;

namespace Mesh.Control.Tests.Serving;

public sealed class SigningRequestTests
{
    private static readonly SpiffeId s_cart = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/cart");

    [Fact]
    public void A_request_for_the_identity_asked_is_taken()
    {
        using ECDsa p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDsa p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Null(ProblemOf(SigningRequests.Pem(p256, s_cart.ToString())));
        Assert.Null(ProblemOf(SigningRequests.Pem(p384, s_cart.ToString())));
    }

    [Fact]
    public void What_a_workload_gets_anyway_may_be_asked_for()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Null(ProblemOf(SigningRequests.PemWith(
            key,
            s_cart.ToString(),
            new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true),
            new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment, critical: true),
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false),
            new X509SubjectKeyIdentifierExtension([1, 2, 3], critical: false))));
    }

    [Fact]
    public void More_than_a_workload_gets_is_refused_by_name()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        AssertRefused("be an authority", new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        AssertRefused("signs certificates", new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        AssertRefused("signs certificates", new X509KeyUsageExtension(X509KeyUsageFlags.CrlSign, critical: true));
        AssertRefused("other purposes", new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.3")], critical: false));
        AssertRefused("1.3.6.1.4.1.99999.1", new X509Extension("1.3.6.1.4.1.99999.1", [5, 0], critical: false));

        void AssertRefused(string reason, X509Extension extension) => Assert.Contains(
            reason, ProblemOf(SigningRequests.PemWith(key, s_cart.ToString(), extension)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_identity_asked_for_must_be_named_once_and_alone()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Contains("expected", ProblemOf(SigningRequests.Pem(key)), StringComparison.Ordinal);
        Assert.Contains("2 names", ProblemOf(SigningRequests.Pem(key, s_cart.ToString(), s_cart.ToString())), StringComparison.Ordinal);
        Assert.Contains(
            "does not name",
            ProblemOf(SigningRequests.PemWith(key, uri: null, new X509BasicConstraintsExtension(false, false, 0, critical: true))),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_with_an_old_signature_is_refused()
    {
        AsymmetricCipherKeyPair pair = CertificateFactory.CreateKeyPair();
        var request = new Pkcs10CertificationRequest(
            "SHA1WITHECDSA", Org.BouncyCastle.Asn1.X509.X509Name.GetInstance(new DerSequence()), pair.Public, attributes: null, pair.Private);
        Assert.Contains(
            "SHA-256", ProblemOf(PemEncoding.WriteString("CERTIFICATE REQUEST", request.GetEncoded())), StringComparison.Ordinal);
    }

    [Fact]
    public void Any_other_name_in_it_is_refused()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Contains(
            "sa/admin", ProblemOf(SigningRequests.Pem(key, "spiffe://cluster.local/ns/shop/sa/admin")), StringComparison.Ordinal);
        Assert.NotNull(ProblemOf(SigningRequests.Pem(key, s_cart.ToString(), "spiffe://cluster.local/ns/shop/sa/admin")));
        Assert.NotNull(ProblemOf(SigningRequests.Pem(key, names => names.AddDnsName("mesh-control"))));
        Assert.NotNull(ProblemOf(SigningRequests.Pem(key, names =>
        {
            names.AddUri(new Uri(s_cart.ToString()));
            names.AddIpAddress(System.Net.IPAddress.Loopback);
        })));
    }

    [Fact]
    public void Other_kinds_of_keys_are_refused()
    {
        using var rsa = RSA.Create(2_048);
        var request = new CertificateRequest(
            new X500DistinguishedName(string.Empty), rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        Assert.Contains("P-256", ProblemOf(request.CreateSigningRequestPem()), StringComparison.Ordinal);
        using ECDsa p521 = ECDsa.Create(ECCurve.NamedCurves.nistP521);
        Assert.Contains("P-256", ProblemOf(SigningRequests.Pem(p521, s_cart.ToString())), StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_signed_with_another_key_is_refused()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] request = new CertificateRequest(
            new X500DistinguishedName(string.Empty), key, HashAlgorithmName.SHA256).CreateSigningRequest();
        byte[] stolen = other.ExportSubjectPublicKeyInfo();
        byte[] own = key.ExportSubjectPublicKeyInfo();
        int position = request.AsSpan().IndexOf(own);
        stolen.CopyTo(request, position);

        Assert.Contains("not signed", ProblemOf(PemEncoding.WriteString("CERTIFICATE REQUEST", request)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----")]
    [InlineData("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----")]
    [InlineData("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----")]
    public void What_is_no_request_is_refused(string pem) => Assert.NotNull(ProblemOf(pem));

    [Fact]
    public void Every_truncation_is_refused_and_no_flipped_byte_changes_what_is_signed_for()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string pem = SigningRequests.Pem(key, s_cart.ToString());
        byte[] der = Convert.FromBase64String(pem[PemEncoding.Find(pem).Base64Data]);
        for (int index = 0; index < der.Length; index++)
        {
            Assert.NotNull(ProblemOf(PemEncoding.WriteString("CERTIFICATE REQUEST", der.AsSpan(0, index))));
            byte[] flipped = [.. der];
            flipped[index] ^= 0x55;

            // The envelope around what is signed has room for variation; the key has none.
            if (SigningRequest.TryRead(
                PemEncoding.WriteString("CERTIFICATE REQUEST", flipped), s_cart, out AsymmetricKeyParameter? taken, out _))
            {
                Assert.Equal(
                    key.ExportSubjectPublicKeyInfo(), SubjectPublicKeyInfoFactory.CreateSubjectPublicKeyInfo(taken).GetEncoded());
            }
        }
    }

    [Fact]
    public void A_request_has_a_largest_size() => Assert.Contains("allowed", ProblemOf(new string('A', 16_385)), StringComparison.Ordinal);

    private static string? ProblemOf(string pem)
    {
        bool isTaken = SigningRequest.TryRead(pem, s_cart, out AsymmetricKeyParameter? key, out string? problem);
        Assert.Equal(isTaken, key is not null);
        Assert.Equal(isTaken, problem is null);
        return problem;
    }
}
