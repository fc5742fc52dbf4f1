using System.Buffers;

namespace Mesh.Api.Identity;

/// <summary>The characters a SPIFFE identity may be made of. Percent-encoding is not among them.</summary>
internal static class SpiffeCharacters
{
    public static readonly SearchValues<char> TrustDomain = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789.-_");

    public static readonly SearchValues<char> PathSegment =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_");
}
