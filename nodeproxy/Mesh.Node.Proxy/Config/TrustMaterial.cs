using System.Collections.Immutable;

namespace Mesh.Node.Proxy.Config;

/// <summary>Roots and revocation lists as told by the control plane, checked to be readable. Immutable.</summary>
/// <param name="RootsPem">By trust domain.</param>
/// <param name="RevocationLists">By resource name, which is trust domain/issuer key id.</param>
public sealed record TrustMaterial(
    ImmutableSortedDictionary<string, string> RootsPem,
    ImmutableSortedDictionary<string, RevocationListText> RevocationLists)
{
    public static TrustMaterial Empty { get; } = new(
        ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal),
        ImmutableSortedDictionary.Create<string, RevocationListText>(StringComparer.Ordinal));

    /// <summary>The revocation lists of a trust domain, one after the other; null when there are none.</summary>
    public string? RevocationListsPemOf(string trustDomain)
    {
        string[] lists =
        [
            .. RevocationLists.Values
                .Where(list => string.Equals(list.TrustDomain, trustDomain, StringComparison.Ordinal))
                .Select(list => list.Pem),
        ];
        return lists.Length == 0 ? null : string.Join('\n', lists);
    }
}

/// <summary>One issuer's revocation list in PEM.</summary>
public sealed record RevocationListText(string TrustDomain, string Pem);
