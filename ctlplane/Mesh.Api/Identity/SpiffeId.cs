using System.Diagnostics.CodeAnalysis;

namespace Mesh.Api.Identity;

/// <summary>
/// A workload's identity, <c>spiffe://&lt;trust domain&gt;/ns/&lt;namespace&gt;/sa/&lt;service account&gt;</c>. Parsing is strict:
/// the scheme in lower case, exactly these four path segments, no port, user, query, fragment, percent-encoding, empty or dot segment,
/// and nothing after. What parses prints back to the same bytes, so equality of text is equality of identity.
/// </summary>
public sealed class SpiffeId : IEquatable<SpiffeId>
{
    /// <summary>Longest identity SPIFFE allows.</summary>
    public const int CharsMax = 2_048;

    private const string Scheme = "spiffe://";
    private const string NamespaceMarker = "/ns/";
    private const string ServiceAccountMarker = "/sa/";

    private readonly string _text;

    private SpiffeId(string text, TrustDomain trustDomain, string @namespace, string serviceAccount)
    {
        _text = text;
        TrustDomain = trustDomain;
        Namespace = @namespace;
        ServiceAccount = serviceAccount;
    }

    /// <summary>The trust domain whose roots must have signed this identity.</summary>
    public TrustDomain TrustDomain { get; }

    /// <summary>The Kubernetes namespace.</summary>
    public string Namespace { get; }

    /// <summary>The Kubernetes service account.</summary>
    public string ServiceAccount { get; }

    /// <summary>The form policies compare: the identity without <c>spiffe://</c>. No allocation.</summary>
    public ReadOnlySpan<char> Principal => _text.AsSpan(Scheme.Length);

    /// <summary>Reads an identity exactly as given; nothing is trimmed, folded or decoded.</summary>
    /// <returns>False when <paramref name="text"/> is not an identity of the form above.</returns>
    public static bool TryParse(ReadOnlySpan<char> text, [NotNullWhen(true)] out SpiffeId? id)
    {
        id = null;
        if (text.Length > CharsMax || !text.StartsWith(Scheme, StringComparison.Ordinal))
        {
            return false;
        }

        ReadOnlySpan<char> rest = text[Scheme.Length..];
        int pathStart = rest.IndexOf('/');
        if (pathStart < 0 || !TrustDomain.TryParse(rest[..pathStart], out TrustDomain? trustDomain))
        {
            return false;
        }

        if (!TakeSegment(rest[pathStart..], NamespaceMarker, out ReadOnlySpan<char> @namespace, out rest)
            || !TakeSegment(rest, ServiceAccountMarker, out ReadOnlySpan<char> serviceAccount, out rest)
            || !rest.IsEmpty)
        {
            return false;
        }

        id = new SpiffeId(text.ToString(), trustDomain, @namespace.ToString(), serviceAccount.ToString());
        return true;
    }

    /// <summary>As <see cref="TryParse"/>, for text that has been checked before.</summary>
    /// <exception cref="FormatException">The text is not an identity of the form above.</exception>
    public static SpiffeId Parse(ReadOnlySpan<char> text) => TryParse(text, out SpiffeId? id)
        ? id
        : throw new FormatException($"'{text}' is not of the form spiffe://<trust domain>/ns/<namespace>/sa/<service account>.");

    /// <summary>Composes an identity.</summary>
    /// <returns>False when a part has a character or a length no SPIFFE path segment may have.</returns>
    public static bool TryCreate(TrustDomain trustDomain, string @namespace, string serviceAccount, [NotNullWhen(true)] out SpiffeId? id)
    {
        ArgumentNullException.ThrowIfNull(trustDomain);
        id = null;
        if (!IsSegment(@namespace) || !IsSegment(serviceAccount))
        {
            return false;
        }

        string text = $"{Scheme}{trustDomain.Name}{NamespaceMarker}{@namespace}{ServiceAccountMarker}{serviceAccount}";
        if (text.Length > CharsMax)
        {
            return false;
        }

        id = new SpiffeId(text, trustDomain, @namespace, serviceAccount);
        return true;
    }

    /// <summary>As <see cref="TryCreate"/>, for parts that have been checked before.</summary>
    /// <exception cref="FormatException">A part cannot be a SPIFFE path segment.</exception>
    public static SpiffeId Create(TrustDomain trustDomain, string @namespace, string serviceAccount) =>
        TryCreate(trustDomain, @namespace, serviceAccount, out SpiffeId? id)
            ? id
            : throw new FormatException($"'{@namespace}' and '{serviceAccount}' do not make a SPIFFE identity.");

    /// <inheritdoc/>
    public bool Equals(SpiffeId? other) => other is not null && string.Equals(_text, other._text, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SpiffeId);

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    /// <summary>The whole identity, <c>spiffe://</c> included. No allocation.</summary>
    public override string ToString() => _text;

    private static bool TakeSegment(ReadOnlySpan<char> path, string marker, out ReadOnlySpan<char> segment, out ReadOnlySpan<char> rest)
    {
        segment = default;
        rest = default;
        if (!path.StartsWith(marker, StringComparison.Ordinal))
        {
            return false;
        }

        path = path[marker.Length..];
        int end = path.IndexOf('/');
        segment = end < 0 ? path : path[..end];
        rest = end < 0 ? default : path[end..];
        return IsSegment(segment);
    }

    private static bool IsSegment(ReadOnlySpan<char> segment) =>
        !segment.IsEmpty
        && !segment.ContainsAnyExcept(SpiffeCharacters.PathSegment)
        && segment is not "."
        && segment is not "..";
}
