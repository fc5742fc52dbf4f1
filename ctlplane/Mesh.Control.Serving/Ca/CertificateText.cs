using System.Collections.Immutable;
using System.Security.Cryptography;
using Mesh.Api.Identity;
using Mesh.Control.Serving.State;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.OpenSsl;
using Org.BouncyCastle.Pkcs;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.X509;
using Org.BouncyCastle.X509.Extension;

namespace Mesh.Control.Serving.Ca;

/// <summary>Certificates and keys as text, both ways.</summary>
internal static class CertificateText
{
    public static string ToPem(X509Certificate certificate) => PemEncoding.WriteString("CERTIFICATE", certificate.GetEncoded()) + "\n";

    public static string ToPem(X509Crl list) => PemEncoding.WriteString("X509 CRL", list.GetEncoded()) + "\n";

    /// <summary>PKCS#8.</summary>
    public static string ToPem(AsymmetricKeyParameter key) =>
        PemEncoding.WriteString("PRIVATE KEY", PrivateKeyInfoFactory.CreatePrivateKeyInfo(key).GetEncoded()) + "\n";

    /// <summary>The subject key identifier; computed where the certificate does not say it.</summary>
    public static string KeyIdOf(X509Certificate certificate)
    {
        Asn1OctetString? extension = certificate.GetExtensionValue(X509Extensions.SubjectKeyIdentifier);
        SubjectKeyIdentifier keyId = extension is null
            ? X509ExtensionUtilities.CreateSubjectKeyIdentifier(certificate.GetPublicKey())
            : SubjectKeyIdentifier.GetInstance(X509ExtensionUtilities.FromExtensionValue(extension));
        return Convert.ToHexStringLower(keyId.GetKeyIdentifier());
    }

    /// <summary>The trust domain a root of ours was made for; null for certificates of other origin.</summary>
    public static TrustDomain? TrustDomainOf(X509Certificate certificate)
    {
        Asn1OctetString? extension = certificate.GetExtensionValue(X509Extensions.SubjectAlternativeName);
        if (extension is null)
        {
            return null;
        }

        const string Scheme = "spiffe://";
        foreach (GeneralName name in GeneralNames.GetInstance(X509ExtensionUtilities.FromExtensionValue(extension)).GetNames())
        {
            if (name.TagNo == GeneralName.UniformResourceIdentifier
                && name.Name.ToString() is { } uri
                && uri.StartsWith(Scheme, StringComparison.Ordinal)
                && TrustDomain.TryParse(uri.AsSpan(Scheme.Length), out TrustDomain? trustDomain))
            {
                return trustDomain;
            }
        }

        return null;
    }

    /// <exception cref="StateFormatException">The text holds something that is not a certificate, or nothing.</exception>
    public static ImmutableArray<X509Certificate> ReadCertificates(string file, ReadOnlySpan<char> pem)
    {
        ImmutableArray<X509Certificate>.Builder certificates = ImmutableArray.CreateBuilder<X509Certificate>();
        while (PemEncoding.TryFind(pem, out PemFields fields))
        {
            if (!pem[fields.Label].SequenceEqual("CERTIFICATE"))
            {
                throw new StateFormatException(file, $"Holds a {pem[fields.Label]} where only certificates are expected.");
            }

            try
            {
                certificates.Add(new X509Certificate(Convert.FromBase64String(pem[fields.Base64Data].ToString())));
            }
            catch (Exception exception) when (exception is ArgumentException or FormatException or IOException or GeneralSecurityException)
            {
                throw new StateFormatException(file, "Holds a certificate that cannot be read.", exception);
            }

            pem = pem[fields.Location.End..];
        }

        return certificates.Count > 0 ? certificates.ToImmutable() : throw new StateFormatException(file, "Holds no certificate.");
    }

    /// <exception cref="StateFormatException">The text holds no private key without a password.</exception>
    public static AsymmetricKeyParameter ReadPrivateKey(string file, string pem)
    {
        try
        {
            using var reader = new PemReader(new StringReader(pem));
            return reader.ReadObject() switch
            {
                AsymmetricCipherKeyPair pair => pair.Private,
                AsymmetricKeyParameter { IsPrivate: true } key => key,
                _ => throw new StateFormatException(file, "Holds no private key."),
            };
        }
        catch (Exception exception) when (exception is IOException or GeneralSecurityException or ArgumentException or InvalidCastException)
        {
            throw new StateFormatException(
                file, "Holds no private key that can be read. Keys with a password are not supported.", exception);
        }
    }
}
