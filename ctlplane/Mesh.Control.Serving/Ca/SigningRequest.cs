using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Mesh.Api.Identity;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Asn1.Pkcs;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Pkcs;

namespace Mesh.Control.Serving.Ca;

/// <summary>
/// Reads a PKCS#10 request. The public key is all that is taken from it, once the request has proved that its sender holds the private
/// one; names in it must agree with the identity asked for, and everything else is ours to decide.
/// </summary>
internal static class SigningRequest
{
    private const int PemCharsMax = 16_384;
    private const string Label = "CERTIFICATE REQUEST";

    public static bool TryRead(
        string pem, SpiffeId identity, [NotNullWhen(true)] out AsymmetricKeyParameter? publicKey, [NotNullWhen(false)] out string? problem)
    {
        publicKey = null;
        if (pem.Length > PemCharsMax)
        {
            problem = $"The request has {pem.Length} characters; {PemCharsMax} are allowed.";
            return false;
        }

        if (!PemEncoding.TryFind(pem, out PemFields fields) || pem[fields.Label] != Label)
        {
            problem = $"The request is not a PEM {Label}.";
            return false;
        }

        try
        {
            var request = new Pkcs10CertificationRequest(Convert.FromBase64String(pem[fields.Base64Data]));
            problem = ProblemOf(request, identity, out publicKey);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // The parser throws a dozen kinds of exceptions for bytes a stranger chose; all of them mean this.
            problem = "The request cannot be decoded.";
        }

        publicKey = problem is null ? publicKey : null;
        return problem is null;
    }

    private static string? ProblemOf(Pkcs10CertificationRequest request, SpiffeId identity, out AsymmetricKeyParameter publicKey)
    {
        publicKey = request.GetPublicKey();
        if (publicKey is not ECPublicKeyParameters { Parameters: ECNamedDomainParameters named }
            || !(named.Name.Equals(X9ObjectIdentifiersOf.P256) || named.Name.Equals(X9ObjectIdentifiersOf.P384)))
        {
            return "The key must be ECDSA on the curve P-256 or P-384.";
        }

        if (!request.Verify())
        {
            return "The request is not signed with the key it carries.";
        }

        foreach (string name in NamesOf(request))
        {
            if (name != identity.ToString())
            {
                return $"The request names {name}, but {identity} is asked for.";
            }
        }

        return null;
    }

    /// <summary>The subject alternative names; anything that is not a URI reads as something no identity equals.</summary>
    private static IEnumerable<string> NamesOf(Pkcs10CertificationRequest request)
    {
        Asn1Set? attributes = request.GetCertificationRequestInfo().Attributes;
        if (attributes is null)
        {
            yield break;
        }

        foreach (Asn1Encodable encodable in attributes)
        {
            AttributePkcs attribute = AttributePkcs.GetInstance(encodable);
            if (!attribute.AttrType.Equals(PkcsObjectIdentifiers.Pkcs9AtExtensionRequest) || attribute.AttrValues.Count == 0)
            {
                continue;
            }

            var extensions = X509Extensions.GetInstance(attribute.AttrValues[0]);
            X509Extension? extension = extensions.GetExtension(X509Extensions.SubjectAlternativeName);
            if (extension is null)
            {
                continue;
            }

            foreach (GeneralName name in GeneralNames.GetInstance(extension.GetParsedValue()).GetNames())
            {
                yield return name.TagNo == GeneralName.UniformResourceIdentifier ? name.Name.ToString()! : $"a name of kind {name.TagNo}";
            }
        }
    }

    private static class X9ObjectIdentifiersOf
    {
        public static readonly DerObjectIdentifier P256 = Org.BouncyCastle.Asn1.X9.X9ObjectIdentifiers.Prime256v1;
        public static readonly DerObjectIdentifier P384 = Org.BouncyCastle.Asn1.Sec.SecObjectIdentifiers.SecP384r1;
    }
}
