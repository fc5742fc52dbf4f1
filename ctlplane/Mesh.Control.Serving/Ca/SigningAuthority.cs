using System.Collections.Immutable;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.X509;

namespace Mesh.Control.Serving.Ca;

/// <summary>A certificate that may sign others, with its key. Immutable. The key never leaves this folder.</summary>
internal sealed class SigningAuthority
{
    /// <param name="certificate">The certificate of the issuer.</param>
    /// <param name="key">Its private key.</param>
    /// <param name="intermediates">What a peer needs between a leaf and a root it knows, this one included; empty for a root.</param>
    public SigningAuthority(X509Certificate certificate, AsymmetricKeyParameter key, ImmutableArray<X509Certificate> intermediates)
    {
        Certificate = certificate;
        Key = key;
        Intermediates = intermediates;
        KeyId = CertificateText.KeyIdOf(certificate);
    }

    public X509Certificate Certificate { get; }

    public AsymmetricKeyParameter Key { get; }

    public ImmutableArray<X509Certificate> Intermediates { get; }

    /// <summary>Subject key identifier, lower-case hex.</summary>
    public string KeyId { get; }

    public DateTimeOffset NotAfter => new(Certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>The signature this key makes.</summary>
    public string SignatureAlgorithm => Key switch
    {
        ECPrivateKeyParameters { Parameters.Curve.FieldSize: <= 256 } => "SHA256WITHECDSA",
        ECPrivateKeyParameters => "SHA384WITHECDSA",
        RsaPrivateCrtKeyParameters => "SHA256WITHRSA",
        _ => throw new InvalidKeyException("The key of a certificate authority must be ECDSA or RSA."),
    };
}
