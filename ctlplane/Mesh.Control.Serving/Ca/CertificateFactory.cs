using System.Net;
using Mesh.Api.Identity;
using Mesh.Control.Serving.State;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Asn1.Sec;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Generators;
using Org.BouncyCastle.Crypto.Operators;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Math;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.X509;
using Org.BouncyCastle.X509.Extension;

namespace Mesh.Control.Serving.Ca;

/// <summary>
/// Makes certificates and revocation lists. Decides nothing: whoever calls has checked who asks for what. Reads no clock. Any thread.
/// </summary>
internal static class CertificateFactory
{
    private const int SerialBits = 127;

    /// <summary>
    /// How far clocks of nodes may lag. A short-lived certificate gets a tenth of its life, so that half of it is not past at once.
    /// </summary>
    private static readonly TimeSpan s_backdateMax = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan s_rootLifetime = TimeSpan.FromDays(3_650);
    private static readonly X509Name s_emptyName = X509Name.GetInstance(new DerSequence());

    public static AsymmetricCipherKeyPair CreateKeyPair()
    {
        var generator = new ECKeyPairGenerator("ECDSA");
        generator.Init(new ECKeyGenerationParameters(SecObjectIdentifiers.SecP256r1, new SecureRandom()));
        return generator.GenerateKeyPair();
    }

    /// <summary>
    /// A self-signed P-256 root for ten years. Each has a name of its own: issuers and revocation lists are looked up by name, and during a
    /// rotation there are two.
    /// </summary>
    public static SigningAuthority CreateRoot(TrustDomain trustDomain, DateTimeOffset now)
    {
        var random = new SecureRandom();
        AsymmetricCipherKeyPair pair = CreateKeyPair();
        SubjectKeyIdentifier keyId = X509ExtensionUtilities.CreateSubjectKeyIdentifier(pair.Public);
        string suffix = Convert.ToHexStringLower(keyId.GetKeyIdentifier().AsSpan(0, 4));
        X509Name name = NameOf($"Mesh.Node root {suffix}", trustDomain.Name);
        var generator = new X509V3CertificateGenerator();
        generator.SetSerialNumber(NewSerial(random));
        generator.SetIssuerDN(name);
        generator.SetSubjectDN(name);
        generator.SetNotBefore((now - s_backdateMax).UtcDateTime);
        generator.SetNotAfter((now + s_rootLifetime).UtcDateTime);
        generator.SetPublicKey(pair.Public);
        generator.AddExtension(X509Extensions.BasicConstraints, critical: true, new BasicConstraints(pathLenConstraint: 0));
        generator.AddExtension(X509Extensions.KeyUsage, critical: true, new KeyUsage(KeyUsage.KeyCertSign | KeyUsage.CrlSign));
        generator.AddExtension(X509Extensions.SubjectKeyIdentifier, critical: false, keyId);
        generator.AddExtension(
            X509Extensions.SubjectAlternativeName,
            critical: false,
            new GeneralNames(new GeneralName(GeneralName.UniformResourceIdentifier, $"spiffe://{trustDomain.Name}")));
        X509Certificate certificate = generator.Generate(new Asn1SignatureFactory("SHA256WITHECDSA", pair.Private, random));
        return new SigningAuthority(certificate, pair.Private, intermediates: []);
    }

    /// <summary>An X.509-SVID: no subject, one URI, usable as both client and server.</summary>
    public static X509Certificate IssueWorkload(
        SigningAuthority issuer, SpiffeId identity, AsymmetricKeyParameter publicKey, DateTimeOffset now, TimeSpan lifetime)
    {
        var names = new GeneralNames(new GeneralName(GeneralName.UniformResourceIdentifier, identity.ToString()));
        X509V3CertificateGenerator generator = StartLeaf(issuer, s_emptyName, publicKey, now, lifetime);

        // Critical because there is no subject (RFC 5280 §4.2.1.6).
        generator.AddExtension(X509Extensions.SubjectAlternativeName, critical: true, names);
        generator.AddExtension(
            X509Extensions.ExtendedKeyUsage,
            critical: false,
            new ExtendedKeyUsage(KeyPurposeID.id_kp_serverAuth, KeyPurposeID.id_kp_clientAuth));
        return generator.Generate(new Asn1SignatureFactory(issuer.SignatureAlgorithm, issuer.Key, new SecureRandom()));
    }

    /// <summary>
    /// What the control plane itself serves with. It has names, not an identity, so no workload's certificate can stand in for it.
    /// </summary>
    public static X509Certificate IssueServer(
        SigningAuthority issuer,
        IEnumerable<string> dnsNames,
        IEnumerable<IPAddress> addresses,
        AsymmetricKeyParameter publicKey,
        DateTimeOffset now,
        TimeSpan lifetime)
    {
        var names = new List<GeneralName>();
        names.AddRange(dnsNames.Select(name => new GeneralName(GeneralName.DnsName, name)));
        names.AddRange(addresses.Select(address => new GeneralName(GeneralName.IPAddress, new DerOctetString(address.GetAddressBytes()))));
        X509V3CertificateGenerator generator = StartLeaf(issuer, NameOf("mesh-control", organization: null), publicKey, now, lifetime);
        generator.AddExtension(X509Extensions.SubjectAlternativeName, critical: false, new GeneralNames([.. names]));
        generator.AddExtension(X509Extensions.ExtendedKeyUsage, critical: false, new ExtendedKeyUsage(KeyPurposeID.id_kp_serverAuth));
        return generator.Generate(new Asn1SignatureFactory(issuer.SignatureAlgorithm, issuer.Key, new SecureRandom()));
    }

    /// <summary>The list of one issuer. Its number is the time, which only grows.</summary>
    public static X509Crl IssueRevocationList(
        SigningAuthority issuer, IEnumerable<RevocationRecord> revocations, DateTimeOffset now, TimeSpan lifetime)
    {
        var generator = new X509V2CrlGenerator();
        generator.SetIssuerDN(issuer.Certificate.SubjectDN);
        generator.SetThisUpdate(now.UtcDateTime);
        generator.SetNextUpdate((now + lifetime).UtcDateTime);
        foreach (RevocationRecord revocation in revocations)
        {
            generator.AddCrlEntry(new BigInteger(revocation.Serial, 16), revocation.RevokedAt.UtcDateTime, CrlReason.Unspecified);
        }

        generator.AddExtension(
            X509Extensions.AuthorityKeyIdentifier, critical: false, new AuthorityKeyIdentifier(Convert.FromHexString(issuer.KeyId)));
        generator.AddExtension(X509Extensions.CrlNumber, critical: false, new CrlNumber(BigInteger.ValueOf(now.ToUnixTimeMilliseconds())));
        return generator.Generate(new Asn1SignatureFactory(issuer.SignatureAlgorithm, issuer.Key, new SecureRandom()));
    }

    private static X509V3CertificateGenerator StartLeaf(
        SigningAuthority issuer, X509Name subject, AsymmetricKeyParameter publicKey, DateTimeOffset now, TimeSpan lifetime)
    {
        TimeSpan backdate = lifetime / 10 < s_backdateMax ? lifetime / 10 : s_backdateMax;
        DateTimeOffset notAfter = now + lifetime < issuer.NotAfter ? now + lifetime : issuer.NotAfter;
        var generator = new X509V3CertificateGenerator();
        generator.SetSerialNumber(NewSerial(new SecureRandom()));
        generator.SetIssuerDN(issuer.Certificate.SubjectDN);
        generator.SetSubjectDN(subject);
        generator.SetNotBefore((now - backdate).UtcDateTime);
        generator.SetNotAfter(notAfter.UtcDateTime);
        generator.SetPublicKey(publicKey);
        generator.AddExtension(X509Extensions.BasicConstraints, critical: true, new BasicConstraints(cA: false));
        generator.AddExtension(X509Extensions.KeyUsage, critical: true, new KeyUsage(KeyUsage.DigitalSignature));
        generator.AddExtension(
            X509Extensions.SubjectKeyIdentifier, critical: false, X509ExtensionUtilities.CreateSubjectKeyIdentifier(publicKey));
        generator.AddExtension(
            X509Extensions.AuthorityKeyIdentifier, critical: false, new AuthorityKeyIdentifier(Convert.FromHexString(issuer.KeyId)));
        return generator;
    }

    /// <summary>Positive, and never short: the highest bit is always set.</summary>
    private static BigInteger NewSerial(SecureRandom random) => new BigInteger(SerialBits, random).SetBit(SerialBits - 1);

    private static X509Name NameOf(string commonName, string? organization)
    {
        var order = new List<DerObjectIdentifier> { X509Name.CN };
        var values = new List<string> { commonName };
        if (organization is not null)
        {
            order.Insert(0, X509Name.O);
            values.Insert(0, organization);
        }

        return new X509Name(order, values);
    }
}
