using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Mesh.Api.Identity;
using Mesh.Control.Serving.State;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Operators;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;
using X509Certificate = Org.BouncyCastle.X509.X509Certificate;

namespace Mesh.Control.Serving.Ca;

/// <summary>Takes a certificate authority from files and checks that what it signs will be trusted, before it signs anything.</summary>
internal static class SuppliedAuthority
{
    private const int KeyCertSign = 5;
    private const int CrlSign = 6;
    private const int EcBitsMin = 256;
    private const int RsaBitsMin = 2_048;

    /// <exception cref="StateFormatException">A file is missing or broken, or the three do not fit together.</exception>
    public static AuthoritySet Load(SuppliedAuthorityOptions options, TrustDomain trustDomain, DateTimeOffset now)
    {
        ImmutableArray<X509Certificate> chain = CertificateText.ReadCertificates(
            options.CertificateFile, ReadText(options.CertificateFile));
        ImmutableArray<X509Certificate> roots = CertificateText.ReadCertificates(options.RootsFile, ReadText(options.RootsFile));
        AsymmetricKeyParameter key = CertificateText.ReadPrivateKey(
            options.KeyFile, ReadText(options.KeyFile, StateDirectory.TryReadSuppliedSecret));
        CheckAuthority(options.CertificateFile, chain[0], now);
        CheckStrength(options.KeyFile, key);
        CheckKey(options, chain[0], key);
        CheckChain(options, chain, roots);

        // A root that was put into the chain stays out of what is sent: peers have it or do not trust it.
        ImmutableArray<X509Certificate> intermediates = [.. chain.Where(certificate => !IsSelfIssued(certificate))];
        var authority = new SigningAuthority(chain[0], key, intermediates);
        CheckIssued(options, authority, roots, trustDomain, now);
        return new AuthoritySet(authority, [authority], roots);
    }

    private static void CheckAuthority(string file, X509Certificate certificate, DateTimeOffset now)
    {
        if (certificate.GetBasicConstraints() < 0)
        {
            throw new StateFormatException(file, "The certificate is not one of an authority (basic constraints).");
        }

        bool[]? usage = certificate.GetKeyUsage();
        if (usage is not null && (!usage[KeyCertSign] || !usage[CrlSign]))
        {
            throw new StateFormatException(file, "The certificate must be allowed to sign certificates and revocation lists (key usage).");
        }

        if (!certificate.IsValid(now.UtcDateTime))
        {
            throw new StateFormatException(
                file, $"The certificate is valid from {certificate.NotBefore:u} to {certificate.NotAfter:u} only.");
        }
    }

    private static void CheckKey(SuppliedAuthorityOptions options, X509Certificate certificate, AsymmetricKeyParameter key)
    {
        var authority = new SigningAuthority(certificate, key, intermediates: []);
        byte[] probe = [1, 2, 3, 4];
        try
        {
            ISigner signer = SignerUtilities.GetSigner(authority.SignatureAlgorithm);
            signer.Init(forSigning: true, key);
            signer.BlockUpdate(probe, 0, probe.Length);
            byte[] signature = signer.GenerateSignature();
            signer.Init(forSigning: false, certificate.GetPublicKey());
            signer.BlockUpdate(probe, 0, probe.Length);
            if (signer.VerifySignature(signature))
            {
                return;
            }
        }
        catch (Exception exception) when (
            exception is GeneralSecurityException or CryptoException or ArgumentException or InvalidCastException)
        {
            throw new StateFormatException(
                options.KeyFile, $"The key cannot be used with the certificate in {options.CertificateFile}.", exception);
        }

        throw new StateFormatException(options.KeyFile, $"The key is not that of the certificate in {options.CertificateFile}.");
    }

    private static void CheckChain(
        SuppliedAuthorityOptions options, ImmutableArray<X509Certificate> chain, ImmutableArray<X509Certificate> roots)
    {
        for (int index = 0; index + 1 < chain.Length; index++)
        {
            if (!IsSignedBy(chain[index], chain[index + 1]))
            {
                throw new StateFormatException(options.CertificateFile, $"Certificate {index + 1} is not signed by the one after it.");
            }
        }

        if (!roots.Any(root => IsSignedBy(chain[^1], root)))
        {
            throw new StateFormatException(
                options.RootsFile, $"None of the roots signed the last certificate of {options.CertificateFile}.");
        }
    }

    private static void CheckStrength(string file, AsymmetricKeyParameter key)
    {
        bool isStrong = key switch
        {
            ECPrivateKeyParameters ec => ec.Parameters.Curve.FieldSize >= EcBitsMin,
            RsaKeyParameters rsa => rsa.Modulus.BitLength >= RsaBitsMin,
            _ => true,
        };
        if (!isStrong)
        {
            throw new StateFormatException(file, $"The key is too weak: ECDSA needs {EcBitsMin} bits, RSA {RsaBitsMin}.");
        }
    }

    /// <summary>
    /// Signs a workload's certificate that is thrown away and has the runtime verify it as a proxy would: whatever else stands in the chain
    /// (validity, path lengths, constraints on names, old signatures) is found now and not in every handshake later.
    /// </summary>
    private static void CheckIssued(
        SuppliedAuthorityOptions options,
        SigningAuthority authority,
        ImmutableArray<X509Certificate> roots,
        TrustDomain trustDomain,
        DateTimeOffset now)
    {
        SpiffeId identity = SpiffeId.Create(trustDomain, "mesh-control", "check");
        X509Certificate leaf = CertificateFactory.IssueWorkload(
            authority, identity, CertificateFactory.CreateKeyPair().Public, now, TimeSpan.FromMinutes(1));
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTime = now.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(KeyPurposeID.id_kp_serverAuth.Id));
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(KeyPurposeID.id_kp_clientAuth.Id));
        chain.ChainPolicy.CustomTrustStore.AddRange(Platform(roots));
        chain.ChainPolicy.ExtraStore.AddRange(Platform(authority.Intermediates));
        using X509Certificate2 platformLeaf = X509CertificateLoader.LoadCertificate(leaf.GetEncoded());
        if (!chain.Build(platformLeaf))
        {
            string reasons = string.Join(' ', chain.ChainStatus.Select(status => status.StatusInformation.Trim()).Distinct());
            throw new StateFormatException(options.CertificateFile, $"Nobody would trust what this authority signs: {reasons}");
        }
    }

    private static X509Certificate2[] Platform(ImmutableArray<X509Certificate> certificates) =>
        [.. certificates.Select(certificate => X509CertificateLoader.LoadCertificate(certificate.GetEncoded()))];

    private static bool IsSignedBy(X509Certificate certificate, X509Certificate issuer)
    {
        if (!certificate.IssuerDN.Equivalent(issuer.SubjectDN))
        {
            return false;
        }

        try
        {
            return certificate.IsSignatureValid(new Asn1VerifierFactoryProvider(issuer.GetPublicKey()));
        }
        catch (Exception exception) when (exception is GeneralSecurityException or CryptoException or ArgumentException)
        {
            return false;
        }
    }

    private static bool IsSelfIssued(X509Certificate certificate) => certificate.IssuerDN.Equivalent(certificate.SubjectDN);

    private static string ReadText(string file) => ReadText(file, StateDirectory.TryRead);

    private static string ReadText(string file, Func<string, byte[]?> tryRead)
    {
        try
        {
            return Encoding.ASCII.GetString(tryRead(file) ?? throw new StateFormatException(file, "Does not exist."));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StateFormatException(file, exception.Message, exception);
        }
    }
}
