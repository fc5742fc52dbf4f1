using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Mesh.Api.Identity;
using Mesh.Api.Trust;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>Roots of a trust domain.</summary>
internal sealed class TrustBundleType() : ResourceType(ResourceTypes.TrustBundle)
{
    protected override (string? Refusal, string? Remark) Set(string name, ByteString content, ResourceDraft draft)
    {
        TrustBundle wire = TrustBundle.Parser.ParseFrom(content);
        if (wire.TrustDomain != name || !TrustDomain.TryParse(name, out _))
        {
            return ($"its trust domain is '{wire.TrustDomain}'", null);
        }

        try
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPem(wire.RootCertificatesPem);
            if (roots.Count == 0)
            {
                return ("it holds no certificate, and a trust domain without roots would trust nobody", null);
            }
        }
        catch (CryptographicException exception)
        {
            return ($"its certificates cannot be read: {exception.Message}", null);
        }

        draft.Trust = draft.Trust with { RootsPem = draft.Trust.RootsPem.SetItem(name, wire.RootCertificatesPem) };
        return (null, null);
    }

    protected override void Remove(string name, ResourceDraft draft) =>
        draft.Trust = draft.Trust with { RootsPem = draft.Trust.RootsPem.Remove(name) };
}

/// <summary>Revocation lists of issuers.</summary>
internal sealed class RevocationListType() : ResourceType(ResourceTypes.RevocationList)
{
    protected override (string? Refusal, string? Remark) Set(string name, ByteString content, ResourceDraft draft)
    {
        RevocationList wire = RevocationList.Parser.ParseFrom(content);
        if ($"{wire.TrustDomain}/{wire.IssuerKeyId}" != name || !TrustDomain.TryParse(wire.TrustDomain, out _))
        {
            return ($"it is the list of '{wire.TrustDomain}/{wire.IssuerKeyId}'", null);
        }

        try
        {
            _ = CertificateRevocationListBuilder.LoadPem(wire.CrlPem, out _);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            return ($"its list cannot be read: {exception.Message}", null);
        }

        draft.Trust = draft.Trust with
        {
            RevocationLists = draft.Trust.RevocationLists.SetItem(name, new RevocationListText(wire.TrustDomain, wire.CrlPem)),
        };
        return (null, null);
    }

    protected override void Remove(string name, ResourceDraft draft) =>
        draft.Trust = draft.Trust with { RevocationLists = draft.Trust.RevocationLists.Remove(name) };
}
