using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Mesh.Api.Identity;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Asn1.Pkcs;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Asn1.X9;
using Org.BouncyCastle.Crypto;
using Org.BouncyCastle.Crypto.Parameters;
using Org.BouncyCastle.Pkcs;

namespace Mesh.Control.Serving.Ca;

/// <summary>
/// Reads a PKCS#10 request. The public key is all that is taken from it, once the request has proved that its sender holds the private
/// one; it must name the identity asked for and nobody else, and everything else is ours to decide.
/// </summary>
internal static class SigningRequest
{
    private const int PemCharsMax = 16_384;
    private const string Label = "CERTIFICATE REQUEST";
    private const int SigningUsages = KeyUsage.KeyCertSign | KeyUsage.CrlSign;

    private static readonly HashSet<DerObjectIdentifier> s_signatureAlgorithms =
        [X9ObjectIdentifiers.ECDsaWithSha256, X9ObjectIdentifiers.ECDsaWithSha384, X9ObjectIdentifiers.ECDsaWithSha512];

    private static readonly HashSet<string> s_purposes = [KeyPurposeID.id_kp_serverAuth.Id, KeyPurposeID.id_kp_clientAuth.Id];

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

        if (!s_signatureAlgorithms.Contains(request.SignatureAlgorithm.Algorithm))
        {
            return "The request must be signed with ECDSA and SHA-256, SHA-384 or SHA-512.";
        }

        return ProblemOfExtensions(ExtensionsOf(request), identity);
    }

    /// <summary>
    /// None of the extensions asked for is taken over, so none could do harm; a request for more than a workload gets is refused all the
    /// same, because whoever sends it expects something that will not happen.
    /// </summary>
    private static string? ProblemOfExtensions(List<X509Extensions> requests, SpiffeId identity)
    {
        if (requests.Count != 1)
        {
            return $"The request has {requests.Count} lists of extensions; one, with the name {identity}, is expected.";
        }

        X509Extensions extensions = requests[0];
        foreach (DerObjectIdentifier oid in extensions.ExtensionOids)
        {
            Asn1Object value = extensions.GetExtension(oid).GetParsedValue();
            string? problem = oid switch
            {
                _ when oid.Equals(X509Extensions.SubjectAlternativeName) => ProblemOfNames(GeneralNames.GetInstance(value), identity),
                _ when oid.Equals(X509Extensions.BasicConstraints) =>
                    BasicConstraints.GetInstance(value).IsCA() ? "The request asks to be an authority." : null,
                _ when oid.Equals(X509Extensions.KeyUsage) => (KeyUsage.GetInstance(value).IntValue & SigningUsages) != 0
                    ? "The request asks for a key that signs certificates."
                    : null,
                _ when oid.Equals(X509Extensions.ExtendedKeyUsage) =>
                    ExtendedKeyUsage.GetInstance(value).GetAllUsages().All(purpose => s_purposes.Contains(purpose.Id))
                        ? null
                        : "The request asks for other purposes than those of a server and a client.",
                _ when oid.Equals(X509Extensions.SubjectKeyIdentifier) => null,
                _ => $"The request asks for the extension {oid.Id}, which no workload gets.",
            };
            if (problem is not null)
            {
                return problem;
            }
        }

        return extensions.GetExtension(X509Extensions.SubjectAlternativeName) is null ? $"The request does not name {identity}." : null;
    }

    private static string? ProblemOfNames(GeneralNames names, SpiffeId identity)
    {
        GeneralName[] all = names.GetNames();
        if (all.Length != 1)
        {
            return $"The request has {all.Length} names; one, {identity}, is expected.";
        }

        string name = all[0].TagNo == GeneralName.UniformResourceIdentifier ? all[0].Name.ToString()! : $"a name of kind {all[0].TagNo}";
        return name == identity.ToString() ? null : $"The request names {name}, but {identity} is asked for.";
    }

    private static List<X509Extensions> ExtensionsOf(Pkcs10CertificationRequest request)
    {
        var found = new List<X509Extensions>();
        foreach (Asn1Encodable encodable in request.GetCertificationRequestInfo().Attributes ?? DerSet.Empty)
        {
            AttributePkcs attribute = AttributePkcs.GetInstance(encodable);
            if (attribute.AttrType.Equals(PkcsObjectIdentifiers.Pkcs9AtExtensionRequest))
            {
                found.AddRange(attribute.AttrValues.Select(X509Extensions.GetInstance));
            }
        }

        return found;
    }

    private static class X9ObjectIdentifiersOf
    {
        public static readonly DerObjectIdentifier P256 = X9ObjectIdentifiers.Prime256v1;
        public static readonly DerObjectIdentifier P384 = Org.BouncyCastle.Asn1.Sec.SecObjectIdentifiers.SecP384r1;
    }
}
