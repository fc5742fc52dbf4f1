using System.Diagnostics.CodeAnalysis;

namespace Mesh.Api.Identity;

/// <summary>
/// The name of a trust domain: 1 to 255 characters of lower-case letters, digits, dots, dashes and underscores
/// (SPIFFE-ID, section 2.1). Two trust domains are equal when their names are, byte for byte.
/// </summary>
public sealed class TrustDomain : IEquatable<TrustDomain>
{
    /// <summary>Longest name SPIFFE allows.</summary>
    public const int NameCharsMax = 255;

    private TrustDomain(string name) => Name = name;

    /// <summary>What a workload without a trust domain of its own belongs to.</summary>
    public static TrustDomain Default { get; } = new("cluster.local");

    /// <summary>The name, without scheme or slashes.</summary>
    public string Name { get; }

    /// <summary>Takes a name exactly as given; nothing is trimmed, folded or decoded.</summary>
    /// <returns>False when <paramref name="name"/> is not a trust domain name.</returns>
    public static bool TryParse(ReadOnlySpan<char> name, [NotNullWhen(true)] out TrustDomain? trustDomain)
    {
        if (!IsValid(name))
        {
            trustDomain = null;
            return false;
        }

        trustDomain = name.SequenceEqual(Default.Name) ? Default : new TrustDomain(name.ToString());
        return true;
    }

    /// <summary>As <see cref="TryParse"/>, for names that have been checked before.</summary>
    /// <exception cref="FormatException">The name is not a trust domain name.</exception>
    public static TrustDomain Parse(ReadOnlySpan<char> name) => TryParse(name, out TrustDomain? trustDomain)
        ? trustDomain
        : throw new FormatException($"'{name}' is not a trust domain: 1 to {NameCharsMax} of a-z, 0-9, '.', '-', '_'.");

    /// <inheritdoc/>
    public bool Equals(TrustDomain? other) => other is not null && string.Equals(Name, other.Name, StringComparison.Ordinal);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TrustDomain);

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal static bool IsValid(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= NameCharsMax && !name.ContainsAnyExcept(SpiffeCharacters.TrustDomain);
}
