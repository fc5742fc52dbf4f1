using Mesh.Api.Identity;
using Mesh.Api.Trust;
using Mesh.Control.Serving.Ca;

namespace Mesh.Control.Serving.Xds;

/// <summary>
/// Publishes trust roots and revocation lists, so that both reach proxies over the stream they have open anyway. Any thread.
/// </summary>
public sealed class TrustPublisher(ResourceStore store, TrustDomain trustDomain)
{
    public void Publish(TrustSnapshot trust)
    {
        var bundle = new TrustBundle { TrustDomain = trustDomain.Name, RootCertificatesPem = trust.RootCertificatesPem };
        IEnumerable<ServedResource> lists = trust.RevocationLists.Select(list => ServedResource.Of(
            TypeUrls.RevocationList,
            $"{trustDomain.Name}/{list.IssuerKeyId}",
            new RevocationList { TrustDomain = trustDomain.Name, IssuerKeyId = list.IssuerKeyId, CrlPem = list.Pem }));
        store.Publish(new Dictionary<string, IReadOnlyCollection<ServedResource>>
        {
            [TypeUrls.TrustBundle] = [ServedResource.Of(TypeUrls.TrustBundle, trustDomain.Name, bundle)],
            [TypeUrls.RevocationList] = [.. lists],
        });
    }
}
