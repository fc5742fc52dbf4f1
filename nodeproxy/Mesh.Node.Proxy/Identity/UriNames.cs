using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.Node.Proxy.Identity;

/// <summary>
/// The URI names of a certificate's subject alternative name extension (RFC 5280 §4.2.1.6), which the class library does not show.
/// </summary>
internal static class UriNames
{
    public const string ExtensionOid = "2.5.29.17";

    /// <summary>uniformResourceIdentifier [6].</summary>
    public static readonly Asn1Tag Tag = new(TagClass.ContextSpecific, 6);

    /// <summary>All URI names, in order; empty when there is no such extension.</summary>
    /// <exception cref="CryptographicException">The extension is malformed.</exception>
    public static List<string> Of(X509Certificate2 certificate)
    {
        var names = new List<string>();
        if (certificate.Extensions[ExtensionOid] is not X509Extension extension)
        {
            return names;
        }

        try
        {
            AsnReader sequence = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (sequence.HasData)
            {
                if (sequence.PeekTag() == Tag)
                {
                    names.Add(sequence.ReadCharacterString(UniversalTagNumber.IA5String, Tag));
                }
                else
                {
                    sequence.ReadEncodedValue();
                }
            }
        }
        catch (AsnContentException exception)
        {
            throw new CryptographicException("The subject alternative names cannot be read.", exception);
        }

        return names;
    }
}
