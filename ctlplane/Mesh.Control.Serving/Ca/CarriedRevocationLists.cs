using System.Collections.Immutable;
using Mesh.Control.Serving.State;
using Org.BouncyCastle.Asn1;
using Org.BouncyCastle.Asn1.X509;
using Org.BouncyCastle.Security;
using Org.BouncyCastle.X509;
using Org.BouncyCastle.X509.Extension;

namespace Mesh.Control.Serving.Ca;

/// <summary>
/// The lists of issuers whose keys are gone: a supplied authority was replaced and the control plane restarted since. What they revoked
/// may be in use still, so their last lists are served on for as long as they are good.
/// </summary>
internal static class CarriedRevocationLists
{
    /// <summary>Reads what was published before.</summary>
    /// <exception cref="StateFormatException">The published file is broken.</exception>
    public static ImmutableArray<CarriedList> Read(StateDirectory state)
    {
        if (StateDirectory.TryRead(state.RevocationListFile) is not { } content)
        {
            return [];
        }

        try
        {
            return [.. new X509CrlParser().ReadCrls(content).Select(CarriedList.Of).Where(list => list.IssuerKeyId.Length > 0)];
        }
        catch (Exception exception) when (exception is GeneralSecurityException or IOException or ArgumentException)
        {
            throw new StateFormatException(state.RevocationListFile, "Holds a revocation list that cannot be read.", exception);
        }
    }
}

/// <param name="IssuerKeyId">Lower-case hex.</param>
/// <param name="Pem">The list.</param>
/// <param name="GoodUntil">When verifiers stop taking it.</param>
internal sealed record CarriedList(string IssuerKeyId, string Pem, DateTimeOffset GoodUntil)
{
    public static CarriedList Of(X509Crl list)
    {
        Asn1OctetString? extension = list.GetExtensionValue(X509Extensions.AuthorityKeyIdentifier);
        byte[] keyId = extension is null
            ? []
            : AuthorityKeyIdentifier.GetInstance(X509ExtensionUtilities.FromExtensionValue(extension)).KeyIdentifier?.GetOctets() ?? [];
        DateTimeOffset goodUntil = list.NextUpdate is { } next ? new(next.ToUniversalTime(), TimeSpan.Zero) : DateTimeOffset.MinValue;
        return new CarriedList(Convert.ToHexStringLower(keyId), CertificateText.ToPem(list), goodUntil);
    }
}
